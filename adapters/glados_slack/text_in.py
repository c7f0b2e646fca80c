"""What people typed, as the model shall read it: Slack's entities decoded, its tokens by their names."""

import re
from collections.abc import Awaitable, Callable, Mapping

# `<@U1>`, `<@U1|ada>`, `<#C1|general>`, `<!here>`, `<!subteam^S1|@group>`, `<!date^…|text>`, `<https://a.example|label>`.
_TOKEN = re.compile(r"<([@#!][^<>\n]*|(?:https?|mailto|tel):[^<>\n]*)>")
_MENTION = re.compile(r"<@([UWB][A-Z0-9]+)(?:\|[^<>\n]*)?>")
_CHANNEL = re.compile(r"<#([CGD][A-Z0-9]+)(?:\|([^<>\n]*))?>")
_LEADING_MENTION = re.compile(r"\s*<@([UW][A-Z0-9]+)(?:\|[^<>\n]*)?>")

# Finds the name of a user or a channel by its id.
Names = Callable[[str], Awaitable[str]]


def decode(text: str) -> str:
    """Undo Slack's three entities, once: people who typed `&amp;` meant that."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def encode(text: str) -> str:
    """The three characters that mrkdwn wants as entities, and only these."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mentions(text: str) -> set[str]:
    """Ids of the users a message mentions."""
    return set(_MENTION.findall(text))


def is_for_others(text: str, bot: str) -> bool:
    """Whether a message begins by addressing somebody else."""
    found = _LEADING_MENTION.match(text)
    return found is not None and found[1] != bot and bot not in mentions(text)


async def read(text: str, bot: str, bot_name: str, names: Names) -> str:
    """The text for the model.

    Args:
        text: as the event has it.
        bot: our user id; our mention is dropped at the beginning and at the end, and our name elsewhere.
        bot_name: how people call us.
        names: looks up users, and channels without a label.
    """
    unnamed = {channel for channel, label in _CHANNEL.findall(text) if not label}
    known = {one: await names(one) for one in (mentions(text) | unnamed) - {bot}}
    own = rf"<@{re.escape(bot)}(?:\|[^<>\n]*)?>"
    text = re.sub(rf"\A(?:\s*{own}[\s,:]*)+|(?:\s*{own})+\s*\Z", "", text)
    known[bot] = bot_name
    pieces: list[str] = []
    position = 0
    for token in _TOKEN.finditer(text):
        pieces += [decode(text[position : token.start()]), _spoken(token[1], known)]
        position = token.end()
    return "".join([*pieces, decode(text[position:])]).strip()


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
