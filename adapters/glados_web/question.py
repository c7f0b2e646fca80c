"""What the page's script posts: a question as JSON of the form {"text": "...", "key": "..."}, and smaller bodies.

A question with files is a form; see uploads.py.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import HTTPException, Request

from glados_bots.conversation import Attachment
from glados_bots.intake.addressing import is_nothing
from glados_bots.wording.sentence import say

LONGEST_KEY = 100  # characters; a UUID has 36
QUESTION = '{"text": "...", "key": "..."}'


@dataclass(frozen=True, slots=True)
class Posted:
    """A question as it was posted.

    The key is the sender's name for this message. So a question sent again, because the response to the first request
    was lost, is the same turn.
    """

    text: str
    key: str
    attachments: tuple[Attachment, ...] = ()
    uploads: Mapping[str, str] = field(default_factory=dict)  # by id of an attachment, its bytes as base64


async def read_question(request: Request, longest: int) -> Posted:
    """Read a question without files. Raises HTTPException if it is malformed or exceeds `longest` characters."""
    text, key = await read_fields(request, longest, QUESTION, "text", "key")
    return Posted(*checked(text, key, longest))


async def read_fields(request: Request, longest: int, form: str, *names: str) -> tuple[Any, ...]:
    """The named fields of a JSON object. `form` shows an error's reader how it looks.

    Raises HTTPException if the body is malformed, lacks a field, or cannot fit `longest` characters.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > 12 * longest + 1000:  # JSON may need twelve bytes per character
            raise HTTPException(413, say("page-message-too-long", most=longest))
    try:
        data = json.loads(body.decode("utf-8"))
        return tuple(data[name] for name in names)
    except UnicodeDecodeError as error:
        raise HTTPException(400, say("page-not-utf8")) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HTTPException(400, say("page-not-json", form=form)) from error


def checked(text: object, key: object, longest: int, *, may_be_empty: bool = False) -> tuple[str, str]:
    """Text and key of a question. Raises HTTPException if one is wrong. `may_be_empty`: it has files."""
    if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_KEY:
        raise HTTPException(400, say("page-key-wrong", most=LONGEST_KEY))
    return checked_text(text, longest, may_be_empty=may_be_empty), key


def checked_text(text: object, longest: int, *, may_be_empty: bool = False) -> str:
    """The words of a question. Raises HTTPException if they are none, or more than `longest` characters."""
    if not isinstance(text, str) or (is_nothing(text) and not may_be_empty):
        raise HTTPException(400, say("page-message-empty"))
    if len(text) > longest:
        raise HTTPException(413, say("page-too-long", length=len(text), most=longest))
    return "" if is_nothing(text) else without_empty_ends(text).encode("utf-8", "replace").decode()


def without_empty_ends(text: str) -> str:
    """Return the text without empty lines at its ends. An indent at the start stays: it may be code."""
    start = text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1
    end = text.find("\n", len(text.rstrip()))
    return text[start:] if end < 0 else text[start:end]
