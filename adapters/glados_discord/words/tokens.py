"""Replaces Discord's tokens in a text by what people see: names for ids, times in UTC. Code stays unchanged."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from glados_discord.words.code_spans import pieces, without_code

_TOKEN = re.compile(
    r"<(?:@!?(?P<user>[0-9]{1,20})|@&(?P<role>[0-9]{1,20})|#(?P<channel>[0-9]{1,20})|a?:(?P<emoji>\w+):[0-9]+"
    r"|t:(?P<time>-?[0-9]{1,17})(?::[a-zA-Z])?|/(?P<command>[^<>:\n]{1,100}):[0-9]+|id:(?P<page>[\w-]+)(?::[0-9]+)?)>"
)


@dataclass(frozen=True, slots=True)
class Names:
    """The names for the ids in a text."""

    users: Mapping[int, str] = field(default_factory=dict)
    roles: Mapping[int, str] = field(default_factory=dict)
    channels: Mapping[int, str] = field(default_factory=dict)
    # Ids of the bot and of the role that Discord made for it: mentions of them are removed
    own: frozenset[int] = frozenset()

    def of(self, kind: str, number: int) -> str:
        """The text that people see for a mention of a `user`, `role` or `channel`."""
        if kind == "user":
            return f"@{self.users.get(number, 'somebody')}"
        if kind == "role":
            return f"@{self.roles.get(number, 'some role')}"
        return f"#{self.channels.get(number, 'some-channel')}"


def ids_in(text: str, kind: Literal["user", "role", "channel"]) -> set[int]:
    """The ids of this kind in a text, outside code."""
    return {int(match[kind]) for match in _TOKEN.finditer(without_code(text)) if match[kind]}


def readable(text: str, names: Names) -> str:
    """A text as a model should read it: without mentions of the bot, and with the visible form of every token."""
    own = "|".join(f"@[!&]?{one}" for one in sorted(names.own))
    mention = re.compile(rf" ?<(?:{own})>[,:]? ?") if own else None

    def plain(prose: str) -> str:
        return _TOKEN.sub(lambda match: _spoken(match, names), mention.sub(" ", prose) if mention else prose)

    return "".join(piece if is_code else plain(piece) for piece, is_code in pieces(text)).strip()


def _spoken(found: re.Match[str], names: Names) -> str:
    """The visible form of a token."""
    kind = found.lastgroup or ""
    value = found[kind]
    match kind:
        case "emoji":
            return f":{value}:"
        case "time":
            return _time(int(value)) or found[0]
        case "command":
            return f"/{value}"
        case "page":
            return f"#{value}"
    return names.of(kind, int(value))


def _time(seconds: int) -> str:
    """A time in UTC; empty if the calendar does not hold it."""
    try:
        found = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return f"{found:%Y-%m-%d %H:%M:%S} UTC" if found.second else f"{found:%Y-%m-%d %H:%M} UTC"
