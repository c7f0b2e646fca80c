"""Blocks as the text that a person reads, a line a paragraph, so that a test can compare it."""

from tests.fakes.slack.world.models import JsonObject, Message

from .content import Name, readable

_SILENT = {"actions", "context_actions", "divider", "input"}


def shown_text(message: Message, name: Name) -> str:
    """What a person reads in a message: its streamed text, its markdown, its blocks, or else its text."""
    parts: list[str] = []
    if message.stream is not None:
        stream = message.stream
        parts.append(stream.text)
        parts += [block_text(one, name) for one in [*stream.chunk_blocks, *stream.final_blocks]]
    elif message.markdown:
        parts.append(message.markdown)
    elif any(one.get("type") not in _SILENT for one in message.blocks):
        parts += [block_text(one, name) for one in message.blocks]
    else:
        parts.append(readable(message.text, name))
    return "\n".join(part for part in parts if part)


def block_text(block: JsonObject, name: Name) -> str:
    """The text of one block; empty for those that only hold buttons."""
    parts: list[str] = []
    match block.get("type"):
        case "markdown":
            parts = [str(block["text"])]
        case "section":
            objects = [block.get("text"), *(block.get("fields") or [])]
            parts = [object_text(one, name) for one in objects if one]
        case "header":
            parts = [object_text(block["text"], name)]
        case "context":
            parts = [" ".join(object_text(one, name) for one in block["elements"] if "text" in one)]
        case "rich_text":
            parts = [_rich(one, name) for one in block["elements"]]
        case "table" | "data_table":
            parts = [" | ".join(_cell(cell, name) for cell in row) for row in block["rows"]]
        case "container":
            parts = [block_text(one, name) for one in block.get("child_blocks") or []]
        case "alert" | "card":
            texts = [block.get(key) for key in ("title", "subtitle", "text", "body")]
            parts = [object_text(one, name) for one in texts if isinstance(one, dict)]
        case _:
            pass
    return "\n".join(part for part in parts if part)


def object_text(text: JsonObject, name: Name) -> str:
    """A text object as it is read."""
    content = str(text.get("text", ""))
    return readable(content, name) if text.get("type") == "mrkdwn" else content


def _cell(cell: JsonObject, name: Name) -> str:
    if cell.get("type") == "rich_text":
        return " ".join(_rich(one, name) for one in cell["elements"])
    return str(cell.get("text", cell.get("value", "")))


def _rich(element: JsonObject, name: Name) -> str:
    if element["type"] != "rich_text_list":
        return "".join(_inline(one, name) for one in element["elements"])
    start = int(element.get("offset", 0)) + 1
    indent = "  " * int(element.get("indent", 0))
    lines = []
    for number, item in enumerate(element["elements"], start=start):
        mark = f"{number}." if element.get("style") == "ordered" else "•"
        lines.append(f"{indent}{mark} {_rich(item, name)}")
    return "\n".join(lines)


def _inline(element: JsonObject, name: Name) -> str:
    kind = element.get("type")
    if kind == "link":
        label = element.get("text")
        return f"[{label}]({element['url']})" if label and label != element["url"] else str(element["url"])
    marks = {
        "user": ("@", name(str(element.get("user_id")))),
        "usergroup": ("@", str(element.get("usergroup_id"))),
        "broadcast": ("@", str(element.get("range"))),
        "channel": ("#", name(str(element.get("channel_id")))),
        "emoji": (":", f"{element.get('name')}:"),
    }
    return "".join(marks.get(str(kind), (str(element.get("text", "")),)))
