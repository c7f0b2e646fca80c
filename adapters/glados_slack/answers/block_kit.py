"""The smallest pieces of Block Kit. What is plain or literal text can neither mention anybody nor lead anywhere."""

from typing import Any

Block = dict[str, Any]


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def literal(text: str) -> Block:
    return {"type": "text", "text": text}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text)}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def button(action: str, label: str, value: str) -> Block:
    return {"type": "button", "action_id": action, "text": plain(label), "value": value}


def size(block: Block) -> int:
    """Characters of every text and address within a block."""
    match block["type"]:
        case "table":
            return sum([size(cell) for row in block["rows"] for cell in row])
        case "raw_text" | "plain_text":
            return len(block["text"])
        case "header":
            return size(block["text"])
        case "rich_text" | "rich_text_list":
            return sum([size(inner) for inner in block["elements"]])
        case _:
            return sum([len(inner["text"]) + len(inner.get("url", "")) for inner in block.get("elements", ())])
