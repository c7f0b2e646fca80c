"""Who may talk to the bot where: pure functions. A deny list wins; an empty allow list allows everybody."""

from dataclasses import dataclass

from glados_bots.wording import NOT_FOR_OUTSIDERS, NOT_FOR_YOU, NOT_IN_CHANNEL
from glados_slack.settings import SlackSettings, ids


@dataclass(frozen=True, slots=True)
class SlackAsker:
    """A person at a place."""

    user: str
    channel: str
    is_direct: bool = False
    is_external: bool = False  # they belong to another organisation (Slack Connect)


def is_answered(settings: SlackSettings, user: str, *, is_external: bool) -> bool:
    """Whether the bot answers this person anywhere."""
    return not _whom(settings, user, is_external=is_external)


def refusal(settings: SlackSettings, asker: SlackAsker) -> str:
    """Why the bot does not talk to this person here, as a polite sentence; empty when it does."""
    if no := _whom(settings, asker.user, is_external=asker.is_external):
        return no
    if asker.is_direct:
        return ""
    is_listed = not settings.allowed_channels or asker.channel in ids(settings.allowed_channels)
    return "" if is_listed and asker.channel not in ids(settings.denied_channels) else NOT_IN_CHANNEL


def _whom(settings: SlackSettings, user: str, *, is_external: bool) -> str:
    is_named = user in ids(settings.allowed_users)
    if user in ids(settings.denied_users) or (settings.allowed_users and not is_named):
        return NOT_FOR_YOU
    return NOT_FOR_OUTSIDERS if is_external and not settings.external_users and not is_named else ""
