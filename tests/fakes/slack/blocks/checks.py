"""Which blocks Slack takes: the limits of a message, of a view, and of the markdown in them."""

import json
import re

from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.models import JsonObject

from .block_kinds import CHECKS, MAX_MARKDOWN, problems
from .content import walk

MAX_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
# Characters over all blocks of a message; not documented, seen in practice (bolt-js issue 2509).
MAX_CHARACTERS = 13_200
MAX_TABLE_CHARACTERS = 10_000

_HEADING = re.compile(r"#{1,6}\s")
_TABLE_RULE = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?$")
_DIVIDER = re.compile(r"(-{3,}|\*{3,}|_{3,})$")


def check_message_blocks(blocks: object, markdown: str = "") -> list[JsonObject]:
    """Blocks of a message, checked; `markdown` is text that becomes blocks of the same message.

    Raises:
        ApiError: invalid_blocks_format, invalid_blocks, msg_blocks_too_long.
    """
    found = _check_all(blocks, MAX_BLOCKS, set(CHECKS) - {"input"})
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
    return _check_all(blocks, MAX_VIEW_BLOCKS, set(CHECKS) - forbidden)


def _check_all(blocks: object, most: int, kinds: set[str]) -> list[JsonObject]:
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks)
        except ValueError as error:
            raise ApiError("invalid_blocks_format") from error
    if not isinstance(blocks, list) or not all(isinstance(one, dict) for one in blocks):
        raise ApiError("invalid_blocks_format")
    found = [f"no more than {most} items allowed [json-pointer:/blocks]"] if len(blocks) > most else []
    ids = [one["block_id"] for one in blocks if one.get("block_id")]
    if len(set(ids)) < len(ids):
        found.append("`block_id` must be unique")
    for number, block in enumerate(blocks):
        if block.get("type") not in kinds:
            found.append(f"unsupported type: {block.get('type')} [json-pointer:/blocks/{number}/type]")
            continue
        found += [f"{problem} [json-pointer:/blocks/{number}]" for problem in problems(block)]
    if found:
        raise ApiError("invalid_blocks", messages=found)
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


def number_blocks(blocks: list[JsonObject]) -> None:
    """Give each block and element the id that Slack gives where there is none."""
    for number, block in enumerate(blocks):
        block.setdefault("block_id", f"b{number}")
        for place, element in enumerate([*(block.get("elements") or []), *filter(None, [block.get("accessory")])]):
            if block["type"] in {"actions", "context_actions", "section"}:
                element.setdefault("action_id", f"{block['block_id']}-{place}")
