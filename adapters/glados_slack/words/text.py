"""What people typed, as the model reads it: Slack's entities decoded, its tokens by their names."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping

from glados_bots.intake.addressing import is_nothing
from glados_slack.connection.escaping import decode

# `<@U1>`, `<@U1|ada>`, `<#C1|general>`, `<!here>`, `<!subteam^S1|@group>`, `<!date^…|text>`, `<https://a.example|label>`.
_TOKEN = re.compile(r"<([@#!][^<>\n]*|(?:https?|mailto|tel):[^<>\n]*)>")
_MENTION = re.compile(r"<@([UWB][A-Z0-9]+)(?:\|[^<>\n]*)?>")
_CHANNEL = re.compile(r"<#([CGD][A-Z0-9]+)(?:\|([^<>\n]*))?>")
_GROUP = re.compile(r"<!(?:subteam\^|here|channel|everyone)[^<>\n]*>")
_GAP, _SPACE = re.compile(r"[\s,:]*"), re.compile(r"\s*")
MOST_NAMES = 50  # of people and channels that are looked up for one text

# Finds the name of a user or a channel by its id.
Names = Callable[[str], Awaitable[str]]


def mentions(text: str) -> set[str]:
    """Ids of the users a message mentions."""
    return set(_MENTION.findall(text))


def is_for_others(text: str, bot: str) -> bool:
    """Whether a message addresses somebody else, a group or everybody, and not us."""
    people = mentions(text)
    return bot not in people and bool(people or _GROUP.search(text))


async def read(text: str, bot: str, bot_name: str, names: Names) -> str:
    """The text for the model; empty when nobody could see anything of it.

    Args:
        text: as the event has it.
        bot: our user id; our mention is dropped at the beginning and at the end, and our name elsewhere.
        bot_name: how people call us.
        names: looks up users, and channels without a label.
    """
    text = _without_own(text, bot)
    unnamed = [channel for channel, label in _CHANNEL.findall(text) if not label]
    wanted = [one for one in dict.fromkeys([*_MENTION.findall(text), *unnamed]) if one != bot][:MOST_NAMES]
    known = dict(zip(wanted, await asyncio.gather(*map(names, wanted)), strict=True)) | {bot: bot_name}
    pieces: list[str] = []
    position = 0
    for token in _TOKEN.finditer(text):
        pieces += [decode(text[position : token.start()]), _spoken(token[1], known)]
        position = token.end()
    readable = "".join([*pieces, decode(text[position:])]).strip()
    return "" if is_nothing(readable) else readable


def _without_own(text: str, bot: str) -> str:
    """Drop our mention at both ends; in linear time, whatever stands between."""
    own = re.compile(rf"<@{re.escape(bot)}(?:\|[^<>\n]*)?>")
    spans = [found.span() for found in own.finditer(text)]
    start, end = 0, len(text)
    for first, last in spans:
        if not (_GAP if start else _SPACE).fullmatch(text, start, first):
            break
        start = last
    for first, last in reversed(spans):
        if first < start or not _SPACE.fullmatch(text, last, end):
            break
        end = first
    return (_GAP.sub("", text[start:end], count=1) if start else text[start:end]).strip()


def _spoken(token: str, names: Mapping[str, str]) -> str:
    """What a token says."""
    target, _, label = token.partition("|")
    label = decode(label)
    if target.startswith("@"):
        return "@" + names.get(target[1:], label or target[1:])
    if target.startswith("#"):
        return "#" + (label or names.get(target[1:], target[1:]))
    if target.startswith("!date^"):
        return label
    if target.startswith("!"):
        return "@" + (label.removeprefix("@") or target[1:].partition("^")[2] or target[1:])
    address = decode(target)
    plain = address.removeprefix("mailto:").removeprefix("tel:")
    return f"[{label}]({address})" if label and label not in {address, plain} else plain
