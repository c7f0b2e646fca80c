"""Which blocks Slack takes: the limits of each kind, of a message, and of the markdown in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from .content import walk
from .errors import ApiError
from .models import JsonObject

MAX_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_MARKDOWN = 12_000
# Characters over all blocks of a message; not documented, seen in practice (bolt-js issue 2509).
MAX_CHARACTERS = 13_200
MAX_TABLE_CHARACTERS = 10_000

_HEADING = re.compile(r"#{1,6}\s")
_TABLE_RULE = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?$")
_DIVIDER = re.compile(r"(-{3,}|\*{3,}|_{3,})$")

Refusals = Iterator[str]


def check_message_blocks(blocks: object, markdown: str = "") -> list[JsonObject]:
    """Blocks of a message, checked; `markdown` is text that becomes blocks of the same message.

    Raises:
        ApiError: invalid_blocks_format, invalid_blocks, msg_blocks_too_long.
    """
    found = _check_all(blocks, MAX_BLOCKS, set(_CHECKS) - {"input"})
    written = "".join(str(one.get("text", "")) for one in found if one.get("type") == "markdown")
    if len(written) > MAX_MARKDOWN:
        raise ApiError("invalid_blocks", messages=[f"markdown blocks hold more than {MAX_MARKDOWN} characters"])
    if expanded_count(found) + expanded_markdown(markdown) > MAX_BLOCKS:
        raise ApiError("invalid_blocks", messages=[f"more than {MAX_BLOCKS} blocks after expanding markdown"])
    if sum(map(characters, found)) + len(markdown) > MAX_CHARACTERS:
        raise ApiError("msg_blocks_too_long")
    if sum(one.get("type") == "table" for one in found) > 1:
        raise ApiError("invalid_blocks", messages=["only one table is allowed in a message"])
    tables = [one for one in found if one.get("type") in {"table", "data_table"}]
    if sum(map(characters, tables)) > MAX_TABLE_CHARACTERS:
        raise ApiError("invalid_blocks", messages=[f"tables hold more than {MAX_TABLE_CHARACTERS} characters"])
    return found


def check_view_blocks(blocks: object) -> list[JsonObject]:
    """Blocks of a modal or a home."""
    forbidden = {"context_actions", "file", "table", "data_table", "markdown"}
    return _check_all(blocks, MAX_VIEW_BLOCKS, set(_CHECKS) - forbidden)


def _check_all(blocks: object, most: int, kinds: set[str]) -> list[JsonObject]:
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks)
        except ValueError as error:
            raise ApiError("invalid_blocks_format") from error
    if not isinstance(blocks, list) or not all(isinstance(one, dict) for one in blocks):
        raise ApiError("invalid_blocks_format")
    problems = [f"no more than {most} items allowed [json-pointer:/blocks]"] if len(blocks) > most else []
    ids = [one["block_id"] for one in blocks if one.get("block_id")]
    if len(set(ids)) < len(ids):
        problems.append("`block_id` must be unique")
    for number, block in enumerate(blocks):
        if block.get("type") not in kinds:
            problems.append(f"unsupported type: {block.get('type')} [json-pointer:/blocks/{number}/type]")
            continue
        problems += [f"{problem} [json-pointer:/blocks/{number}]" for problem in _check(block)]
    if problems:
        raise ApiError("invalid_blocks", messages=problems)
    return blocks


def characters(block: JsonObject) -> int:
    """Characters of text and addresses in a block."""
    values = (value for part in walk(block) for key, value in part.items() if key in {"text", "url"})
    return sum(len(value) for value in values if isinstance(value, str))


def expanded_count(blocks: list[JsonObject]) -> int:
    """Blocks that the server makes of these, markdown blocks counted by what they expand to."""
    return sum(expanded_markdown(str(one["text"])) if one["type"] == "markdown" else 1 for one in blocks)


def expanded_markdown(text: str) -> int:
    """Blocks that a markdown text expands to: one for each heading, table, divider, and each run of anything else.

    Slack does not publish the rule; this one is at least as strict where headings and tables are many.
    """
    count, in_run, in_code = 0, False, False
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("```"):
            in_code = not in_code
        own_block = not in_code and (_HEADING.match(stripped) or _DIVIDER.match(stripped))
        if own_block or (not in_code and _TABLE_RULE.match(stripped)):
            count, in_run = count + 1, False
        elif stripped and not in_run:
            count, in_run = count + 1, True
    return count


def _check(block: JsonObject) -> Refusals:
    if len(str(block.get("block_id", ""))) > 255:
        yield "block_id must be less than 256 characters"
    yield from _CHECKS[block["type"]](block)


def _text(text: object, most: int, kinds: str = "plain_text mrkdwn") -> Refusals:
    if not isinstance(text, dict) or text.get("type") not in kinds.split():
        yield f"must be a text object of type {kinds}"
    elif not isinstance(text.get("text"), str) or not text["text"]:
        yield "must be more than 0 characters"
    elif len(text["text"]) > most:
        yield f"must be less than {most + 1} characters"


def _count(items: object, most: int, what: str, least: int = 1) -> Refusals:
    if not isinstance(items, list) or not least <= len(items) <= most:
        yield f"between {least} and {most} {what} expected"


def _section(block: JsonObject) -> Refusals:
    if "text" not in block and "fields" not in block:
        yield "section needs text or fields"
    if "text" in block:
        yield from _text(block["text"], 3000)
    if "fields" in block:
        yield from _count(block["fields"], 10, "fields")
        for one in block["fields"]:
            yield from _text(one, 2000)
    if "accessory" in block:
        yield from _element(block["accessory"])


def _header(block: JsonObject) -> Refusals:
    yield from _text(block.get("text"), 150, "plain_text")


def _markdown(block: JsonObject) -> Refusals:
    if not isinstance(block.get("text"), str) or not block["text"]:
        yield "markdown needs text"
    elif len(block["text"]) > MAX_MARKDOWN:
        yield f"must be less than {MAX_MARKDOWN + 1} characters"


def _context(block: JsonObject) -> Refusals:
    yield from _count(block.get("elements"), 10, "elements")
    for one in block.get("elements") or []:
        if one.get("type") != "image":
            yield from _text(one, 3000)


def _actions(block: JsonObject) -> Refusals:
    yield from _count(block.get("elements"), 25, "elements")
    for one in block.get("elements") or []:
        yield from _element(one)
    ids = [one.get("action_id") for one in block.get("elements") or [] if one.get("action_id")]
    if len(set(ids)) < len(ids):
        yield "`action_id` must be unique in a block"


def _context_actions(block: JsonObject) -> Refusals:
    yield from _count(block.get("elements"), 5, "elements")
    for one in block.get("elements") or []:
        if one.get("type") == "feedback_buttons":
            for key in ("positive_button", "negative_button"):
                yield from _button(one.get(key) or {})
        elif one.get("type") == "icon_button":
            yield from _text(one.get("text"), 75, "plain_text")
        else:
            yield f"unsupported type: {one.get('type')}"
        yield from _action_id(one)


def _element(element: JsonObject) -> Refusals:
    yield from _action_id(element)
    if element.get("type") == "button":
        yield from _button(element)
    if "options" in element:
        yield from _count(element["options"], 100, "options")
        for one in element["options"]:
            yield from _text(one.get("text"), 75)
            if len(str(one.get("value", ""))) > 150:
                yield "option value must be less than 151 characters"


def _button(element: JsonObject) -> Refusals:
    yield from _text(element.get("text"), 75, "plain_text")
    if len(str(element.get("value", ""))) > 2000:
        yield "value must be less than 2001 characters"
    if len(str(element.get("url", ""))) > 3000:
        yield "url must be less than 3001 characters"
    if element.get("style") not in {None, "primary", "danger"}:
        yield "style must be primary or danger"


def _action_id(element: JsonObject) -> Refusals:
    if len(str(element.get("action_id", ""))) > 255:
        yield "action_id must be less than 256 characters"


_RICH = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}
_INLINE = {"text", "link", "user", "usergroup", "channel", "emoji", "date", "broadcast", "color", "team"}


def _rich_text(block: JsonObject) -> Refusals:
    if not isinstance(block.get("elements"), list):
        yield "rich_text needs elements"
        return
    for element in block["elements"]:
        if element.get("type") not in _RICH:
            yield f"unsupported type: {element.get('type')}"
            continue
        items = element["elements"] if element["type"] == "rich_text_list" else [element]
        for item in items:
            for part in item.get("elements") or []:
                yield from _inline(part)


def _inline(part: JsonObject) -> Refusals:
    if part.get("type") not in _INLINE:
        yield f"unsupported type: {part.get('type')}"
    elif part["type"] == "text" and not part.get("text"):
        yield "must be more than 0 characters"
    elif part["type"] == "link" and not re.match(r"(https?|mailto|tel|slack):", str(part.get("url", ""))):
        yield f"invalid url: {part.get('url')}"


def _table(block: JsonObject) -> Refusals:
    rows = block.get("rows")
    yield from _count(rows, 100, "rows")
    for row in rows or []:
        yield from _count(row, 20, "columns")
        for cell in row:
            if cell.get("type") == "rich_text":
                yield from _rich_text(cell)
            elif cell.get("type") not in {"raw_text", "raw_number"}:
                yield f"unsupported type: {cell.get('type')}"
            elif cell["type"] == "raw_text" and not cell.get("text"):
                yield "must be more than 0 characters"
    yield from _count(block.get("column_settings", []), 20, "column settings", 0)


def _data_table(block: JsonObject) -> Refusals:
    if not block.get("caption"):
        yield "data_table needs a caption"
    yield from _count(block.get("rows"), 101, "rows", 2)
    for row in block.get("rows") or []:
        yield from _count(row, 20, "columns")
    if any(cell.get("type") == "rich_text" for cell in (block.get("rows") or [[]])[0]):
        yield "header cells must not be rich_text"


def _input(block: JsonObject) -> Refusals:
    yield from _text(block.get("label"), 2000, "plain_text")
    yield from _element(block.get("element") or {})


def _image(block: JsonObject) -> Refusals:
    if not block.get("alt_text") or not (block.get("image_url") or block.get("slack_file")):
        yield "image needs alt_text and image_url"


def _container(block: JsonObject) -> Refusals:
    yield from _count(block.get("child_blocks"), 10, "child blocks")


def _anything(_: JsonObject) -> Refusals:
    yield from ()


_CHECKS: dict[str, Callable[[JsonObject], Refusals]] = {
    "section": _section,
    "header": _header,
    "markdown": _markdown,
    "context": _context,
    "actions": _actions,
    "context_actions": _context_actions,
    "rich_text": _rich_text,
    "table": _table,
    "data_table": _data_table,
    "input": _input,
    "image": _image,
    "container": _container,
    "divider": _anything,
    "file": _anything,
    "video": _anything,
    "alert": _anything,
    "card": _anything,
    "carousel": _anything,
    "task_card": _anything,
    "plan": _anything,
    "call": _anything,
}
