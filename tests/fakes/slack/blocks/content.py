"""What Slack reads in a text: entities, tokens, mentions, links; and what a person reads."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.fakes.slack.world.models import JsonObject

# `<@U1>`, `<@U1|ada>`, `<#C1|general>`, `<!here>`, `<!subteam^S1>`, `<https://a.example|label>`.
TOKEN = re.compile(r"<([@#!][^<>\n]*|(?:https?|mailto|tel):[^<>\n]*)>")
_URL = re.compile(r"https?://[^\s<>|)\]\"`]+")
_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>\n]*)?>")
_GROUP = re.compile(r"<!subteam\^([A-Z0-9]+)(?:\|[^<>\n]*)?>")
_BROADCAST = re.compile(r"<!(channel|here|everyone)(?:\|[^<>\n]*)?>")
_PLAIN_BROADCAST = re.compile(r"(?<![\w@])@(channel|here|everyone)\b")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))

Name = Callable[[str], str]


def encode(text: str) -> str:
    """The three characters that Slack wants encoded, and only these."""
    for entity, character in reversed(_ENTITIES):
        text = text.replace(character, entity)
    return text


def decode(text: str) -> str:
    """The opposite of `encode`, once."""
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text


def typed(text: str, *, links: bool = True) -> str:
    """What Slack makes of what a person types: tokens stay, bare links become tokens, the rest is encoded.

    Args:
        text: What is typed.
        links: Off for slash commands, where links stay as they are.
    """
    parts = []
    position = 0
    for token in TOKEN.finditer(text):
        parts += [_typed_text(text[position : token.start()], links), token[0]]
        position = token.end()
    return "".join([*parts, _typed_text(text[position:], links)])


def _typed_text(text: str, links: bool) -> str:
    if not links:
        return encode(text)
    parts = []
    position = 0
    for url in _URL.finditer(text):
        parts += [encode(text[position : url.start()]), f"<{encode(url[0])}>"]
        position = url.end()
    return "".join([*parts, encode(text[position:])])


def rich_text(text: str) -> JsonObject:
    """The rich_text block that a person's message carries beside its text."""
    elements: list[JsonObject] = []
    position = 0
    for token in TOKEN.finditer(text):
        _add_text(elements, text[position : token.start()])
        elements.append(_element(token[1]))
        position = token.end()
    _add_text(elements, text[position:])
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _add_text(elements: list[JsonObject], text: str) -> None:
    if text:
        elements.append({"type": "text", "text": decode(text)})


def _element(token: str) -> JsonObject:
    target, _, label = token.partition("|")
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:]}
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:]}
    if target.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": target.removeprefix("!subteam^")}
    if target.startswith("!"):
        return {"type": "broadcast", "range": target[1:]}
    return {"type": "link", "url": decode(target), **({"text": decode(label)} if label else {})}


@dataclass
class Active:
    """What in a message notifies or is previewed: (kind, target) of each mention, and addresses."""

    mentions: list[tuple[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def read_text(text: str, found: Active, *, names: bool = False, bare_links: bool = True) -> None:
    """Add what is active in mrkdwn or markdown; with `names`, plain @channel too.

    Slack does not say whether a token inside a code span notifies, so it counts as active: a bot must not rely on it.
    """
    found.mentions += [("user", one) for one in _USER.findall(text)]
    found.mentions += [("group", one) for one in _GROUP.findall(text)]
    found.mentions += [("broadcast", one) for one in _BROADCAST.findall(text)]
    if names:
        found.mentions += [("broadcast", one) for one in _PLAIN_BROADCAST.findall(text)]
    if bare_links:
        found.links += [decode(one) for one in _URL.findall(text)]


def walk(part: object) -> Iterator[JsonObject]:
    """Every object inside a block, parents before children."""
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from walk(value)
    elif isinstance(part, list):
        for value in part:
            yield from walk(value)


def read_blocks(blocks: list[JsonObject], found: Active) -> None:
    """Add what is active in blocks: tokens in mrkdwn and markdown, mention and link elements of rich_text."""
    for part in walk(blocks):
        match part.get("type"):
            case "mrkdwn" | "markdown":
                read_text(str(part.get("text", "")), found)
            case "user" if "user_id" in part:
                found.mentions.append(("user", part["user_id"]))
            case "usergroup":
                found.mentions.append(("group", part["usergroup_id"]))
            case "broadcast":
                found.mentions.append(("broadcast", part["range"]))
            case "link" if "url" in part:
                found.links.append(part["url"])
            case _:
                pass


def readable(text: str, name: Name) -> str:
    """Mrkdwn as a person sees it: entities decoded, tokens by their names; `[label](url)` where a label hides one."""
    return decode(TOKEN.sub(lambda token: encode(_shown(token[1], name)), text))


def _shown(token: str, name: Name) -> str:
    target, _, label = token.partition("|")
    if target.startswith("@"):
        return f"@{name(target[1:])}"
    if target.startswith("#"):
        return f"#{label or name(target[1:])}"
    if target.startswith("!date^"):
        return decode(label)
    if target.startswith("!"):
        return f"@{label or target[1:]}"
    address = decode(target)
    return f"[{decode(label)}]({address})" if label and decode(label) != address else address
