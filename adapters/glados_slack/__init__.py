"""The Slack adapter: `glados slack`, on slack_bolt. run.py wires it; docs/slack.md tells how to set it up."""

from collections.abc import Iterator

from glados_bots.checks import Check
from glados_bots.errors import ConfigError
from glados_bots.platforms import Platform
from glados_bots.settings import Settings, load
from glados_slack.settings import SlackSettings


def _configured() -> bool:
    return load(SlackSettings).is_configured


def _run(settings: Settings) -> None:
    _require_library()
    from glados_slack.run import run  # noqa: PLC0415 - the command line must start quickly

    run(settings)


def _examine() -> Iterator[Check]:
    _require_library()
    from glados_slack.examine import examine  # noqa: PLC0415 - as above

    return examine()


def _require_library() -> None:
    try:
        import slack_bolt  # noqa: F401, PLC0415 - an optional dependency
    except ImportError:
        raise ConfigError("slack_bolt is not installed: pip install 'glados-bots[slack]'") from None


platform = Platform("slack", "Run the Slack bot of GLADOS_SLACK_BOT_TOKEN.", _configured, _run, _examine)
