"""The Slack adapter: `glados slack`, on slack_bolt. run.py wires it; docs/slack.md tells how to set it up."""

from collections.abc import Iterator

from glados_bots.platforms import Check, Platform, require
from glados_bots.settings import Settings, load
from glados_slack.settings import SlackSettings


def _run(settings: Settings) -> None:
    require("slack_bolt", "slack_bolt", "slack")
    from glados_slack.run import run  # noqa: PLC0415 - the command line must start quickly

    run(settings)


def _examine() -> Iterator[Check]:
    require("slack_bolt", "slack_bolt", "slack")
    from glados_slack.examine import examine  # noqa: PLC0415 - as above

    return examine()


platform = Platform(
    "slack", "Run the Slack bot of GLADOS_SLACK_BOT_TOKEN.", lambda: load(SlackSettings).is_configured, _run, _examine
)
