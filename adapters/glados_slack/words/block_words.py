"""What blocks say, as Slack's mrkdwn: rich text with its tokens, tables as rows with pipes, every text of all others.

Slack invents kinds of blocks faster than anybody writes them down. So of an unknown kind every text is taken, but for
labels of what can be pressed. Other servers' JSON may be anything, and as deep as it likes: nothing here trusts it.
"""

import re
from collections.abc import Iterator, Mapping

from glados_slack.connection.escaping import encode
from glados_slack.connection.loose_json import Json, mappings, text_of

DEEPEST = 8  # blocks within blocks; Slack's own go to four
MOST_ROWS, MOST_COLUMNS = 101, 20  # of a table: Slack's limits (docs.slack.dev, "Table block", "Data table block")
RULE = "| --- |"  # what every table has
_PIPE = re.compile(r"(<[^<>]*>)|\|")  # but for those in a token
_TEXTS = frozenset({"mrkdwn", "plain_text", "markdown"})
_TABLES = frozenset({"table", "data_table"})
_RICH = frozenset({"rich_text_section", "rich_text_quote", "rich_text_preformatted", "rich_text_list"})
# Elements of a line that are tokens: which field, and how it is written.
_TOKENS = {
    "user": ("user_id", "<@{}>"),
    "usergroup": ("usergroup_id", "<!subteam^{}>"),
    "channel": ("channel_id", "<#{}>"),
    "broadcast": ("range", "<!{}>"),
    "emoji": ("name", ":{}:"),
}
_PRESSED = frozenset({"actions", "context_actions", "input", "button", "workflow_button", "feedback_buttons"})


def words_of(block: Json) -> str:
    return "\n".join(filter(None, _said(block, DEEPEST)))


def _said(part: object, depth: int) -> Iterator[str]:
    if isinstance(part, list) and depth:
        for one in part:
            yield from _said(one, depth - 1)
    elif isinstance(part, Mapping) and depth:
        kind = text_of(part, "type")
        if kind in _TEXTS:
            yield text_of(part, "text")
        elif kind in _TABLES:
            yield _table(part, depth)
        elif kind in _RICH:
            yield _rich(part)
        elif kind not in _PRESSED:
            yield encode(text_of(part, "alt_text"))
            for value in part.values():
                yield from _said(value, depth - 1)


# --- rich text -------------------------------------------------------------------------------------------------------


def _rich(part: Json) -> str:
    match part.get("type"):
        case "rich_text_list":
            return "\n".join(_items(part))
        case "rich_text_quote":
            return "\n".join(f"&gt; {line}" for line in _inline(part).splitlines())
        case "rich_text_preformatted":
            return f"```\n{_inline(part)}\n```"
        case _:
            return _inline(part)


def _items(part: Json) -> Iterator[str]:
    indent, offset = part.get("indent"), part.get("offset")
    first = offset + 1 if isinstance(offset, int) else 1
    pad = "  " * min(indent, DEEPEST) if isinstance(indent, int) else ""
    for number, item in enumerate(mappings(part.get("elements")), first):
        yield f"{pad}{f'{number}.' if part.get('style') == 'ordered' else '-'} {_rich(item)}"


def _inline(part: Json) -> str:
    return "".join(_token(one) for one in mappings(part.get("elements")))


def _token(part: Json) -> str:
    """One element of a line, as it stands in mrkdwn."""
    if part.get("type") == "link":
        return _link(text_of(part, "url"), text_of(part, "text"))
    if part.get("type") == "date":
        return encode(text_of(part, "fallback"))
    name, token = _TOKENS.get(text_of(part, "type"), ("", ""))
    return token.format(encode(text_of(part, name))) if token else _styled(part)


def _link(url: str, label: str) -> str:
    address = encode(url).replace("|", "%7C")
    return f"<{address}|{encode(label)}>" if label else f"<{address}>"


def _styled(part: Json) -> str:
    text, style = encode(text_of(part, "text")), part.get("style")
    return f"`{text}`" if text and isinstance(style, Mapping) and style.get("code") else text


# --- tables ----------------------------------------------------------------------------------------------------------


def _table(block: Json, depth: int) -> str:
    """A table in GFM, its first row as the header."""
    rows = block.get("rows")
    found = [row for row in rows[:MOST_ROWS] if isinstance(row, list)] if isinstance(rows, list) else []
    lines = [[_cell(cell, depth) for cell in row[:MOST_COLUMNS]] for row in found]
    if not lines:
        return ""
    columns = max(map(len, lines))
    header, *body = ["| " + " | ".join([*line, *[""] * (columns - len(line))]) + " |" for line in lines]
    return "\n".join([encode(text_of(block, "caption")), header, "|" + " --- |" * columns, *body]).strip()


def _cell(cell: object, depth: int) -> str:
    told = cell if isinstance(cell, Mapping) else {}
    kind, said = text_of(told, "type"), " ".join(_said(cell, depth - 1))
    if kind in {"raw_text", "raw_number"}:
        said = encode(text_of(told, "text")) or str(told.get("value", ""))
    return " ".join(_PIPE.sub(lambda match: match[1] or "\\|", said).split())
