"""Who may talk to the bot where: pure functions. A deny list wins; an empty allow list allows everybody."""

from dataclasses import dataclass

from glados_bots.wording.sentence import NOTHING, Sentence, say
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


def refusal(settings: SlackSettings, asker: SlackAsker) -> Sentence:
    """Why the bot does not talk to this person here; nothing when it does."""
    if no := _whom(settings, asker.user, is_external=asker.is_external):
        return no
    if asker.is_direct:
        return NOTHING
    is_listed = not settings.allowed_channels or asker.channel in ids(settings.allowed_channels)
    return NOTHING if is_listed and asker.channel not in ids(settings.denied_channels) else say("not-in-channel")


def _whom(settings: SlackSettings, user: str, *, is_external: bool) -> Sentence:
    is_named = user in ids(settings.allowed_users)
    if user in ids(settings.denied_users) or (settings.allowed_users and not is_named):
        return say("not-for-you")
    is_outsider = is_external and not settings.external_users and not is_named
    return say("not-for-outsiders") if is_outsider else NOTHING
