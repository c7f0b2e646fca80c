"""A question as the page's script posts it: JSON of the form {"text": "...", "key": "..."}."""

import json

from fastapi import HTTPException, Request

from glados_bots.intake.addressing import is_nothing
from glados_bots.wording.sentence import say

LONGEST_KEY = 100  # characters; a UUID has 36


async def read_question(request: Request, longest: int) -> tuple[str, str]:
    """Return text and key of a question. Raises HTTPException if it is malformed or exceeds `longest` characters.

    The key is the sender's name for this message. So a question sent again, because the response to the first request
    was lost, is the same turn.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > 12 * longest + 1000:  # JSON may need twelve bytes per character
            raise HTTPException(413, say("page-message-too-long", most=longest))
    try:
        data = json.loads(body.decode("utf-8"))
        text, key = data["text"], data["key"]
    except UnicodeDecodeError as error:
        raise HTTPException(400, say("page-not-utf8")) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HTTPException(400, say("page-not-json", form='{"text": "...", "key": "..."}')) from error
    if not isinstance(text, str) or is_nothing(text):
        raise HTTPException(400, say("page-message-empty"))
    if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_KEY:
        raise HTTPException(400, say("page-key-wrong", most=LONGEST_KEY))
    if len(text) > longest:
        raise HTTPException(413, say("page-too-long", length=len(text), most=longest))
    return without_empty_ends(text).encode("utf-8", "replace").decode(), key


def without_empty_ends(text: str) -> str:
    """Return the text without empty lines at its ends. An indent at the start stays: it may be code."""
    start = text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1
    end = text.find("\n", len(text.rstrip()))
    return text[start:] if end < 0 else text[start:end]
