"""The limits of each kind of block, and of the elements in them."""

import re
from collections.abc import Callable, Iterator

from tests.fakes.slack.world.models import JsonObject

MAX_MARKDOWN = 12_000

Refusals = Iterator[str]


def problems(block: JsonObject) -> Refusals:
    """What is wrong with a block of a known kind."""
    if len(str(block.get("block_id", ""))) > 255:
        yield "block_id must be less than 256 characters"
    yield from CHECKS[block["type"]](block)


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
    if "placeholder" in element:
        yield from _text(element["placeholder"], 150, "plain_text")
    if "confirm" in element:
        yield from _confirm(element["confirm"])


def _confirm(dialog: JsonObject) -> Refusals:
    for part, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        yield from _text(dialog.get(part), most)


def _button(element: JsonObject) -> Refusals:
    yield from _text(element.get("text"), 75, "plain_text")
    if len(str(element.get("accessibility_label", ""))) > 75:
        yield "accessibility_label must be less than 76 characters"
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
    if "hint" in block:
        yield from _text(block["hint"], 2000, "plain_text")
    yield from _element(block.get("element") or {})


def _image(block: JsonObject) -> Refusals:
    if not block.get("alt_text") or not (block.get("image_url") or block.get("slack_file")):
        yield "image needs alt_text and image_url"


def _container(block: JsonObject) -> Refusals:
    yield from _count(block.get("child_blocks"), 10, "child blocks")


def _anything(_: JsonObject) -> Refusals:
    yield from ()


CHECKS: dict[str, Callable[[JsonObject], Refusals]] = {
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
