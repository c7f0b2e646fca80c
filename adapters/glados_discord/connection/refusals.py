"""Discord's error codes, sorted by what helps: nothing, another message, other words, waiting, or a retry.

Numbers are Discord's JSON error codes ("Opcodes and Status Codes" in its documentation).
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import discord

from glados_bots.surface import MessageGoneError, PlaceGoneError, PlatformAwayError
from glados_bots.wording.sentence import say

UNKNOWN_MESSAGE = 10008
UPLOAD_TOO_LARGE = 40005
UNKNOWN_INTERACTION = 10062
ALREADY_ANSWERED = 40060
DM_CLOSED = 50007
FORBIDDEN = 50013
INVALID_FORM_BODY = 50035
ARCHIVED = 50083
NO_HISTORY = 160002
THREAD_EXISTS = 160004
THREAD_LOCKED = 160005
LATE_EDIT = 30046
EDGE_REFUSES = 429  # discord.py itself waits after Discord's own 429s; those of its edge have no code

# Unknown channel or guild, no access, no permission, closed direct messages, a forum, a locked thread.
PLACE_GONE = frozenset({10003, 10004, 50001, DM_CLOSED, 50008, FORBIDDEN, THREAD_LOCKED})
# Refused by a server's automatic moderation, or for a link, or for the form: the same text never passes.
HARMFUL_LINK = 240000
BLOCKED = frozenset({200000, 200001, HARMFUL_LINK, INVALID_FORM_BODY})
# Slow mode, announcement limits, channel and server write limits, too many edits of an old message.
SLOWED = frozenset({20016, 20022, 20028, 20029, LATE_EDIT})
# Reasons why no thread can be made: no access, no permission, the kind of the channel or of the message, too many
# threads.
NO_THREAD = frozenset({50001, 50013, 50024, 50019, 50021, 50068, 160006, 160007, *BLOCKED})

Temporary = (aiohttp.ClientError, OSError, asyncio.TimeoutError, discord.DiscordServerError)


class BlockedError(Exception):
    """These words never pass here. `reason` is a sentence for people."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Discord refused the text (code {code})")
        names = {INVALID_FORM_BODY: "blocked", HARMFUL_LINK: "blocked-link"}
        self.reason = say(names.get(code, "blocked-moderation"))


@contextmanager
def as_core_errors() -> Iterator[None]:
    """Convert discord.py's errors to those of the core. Errors that are worth a retry stay unchanged.

    Raises:
        PlatformAwayError: Discord answers with 5xx or not at all, or its edge refuses every call.
        MessageGoneError, PlaceGoneError, BlockedError: no retry helps.
    """
    try:
        yield
    except Temporary as error:
        raise PlatformAwayError(f"Discord is not reachable ({type(error).__name__}: {error})") from error
    except discord.HTTPException as error:
        if error.status == EDGE_REFUSES and not error.code:
            raise PlatformAwayError(f"Discord's edge refuses all calls ({error.status})") from error
        if error.code == UNKNOWN_MESSAGE:
            raise MessageGoneError(str(error)) from error
        if error.code in PLACE_GONE:
            raise PlaceGoneError(str(error)) from error
        if error.code in BLOCKED:
            raise BlockedError(error.code) from error
        raise
