"""Calls of a platform, tried again until they are done, or are not to be done any more."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from glados_bots.metrics import SHOWN
from glados_bots.retrying import growing_pauses
from glados_bots.surface import MessageGoneError, PlaceGoneError, PlatformAwayError
from glados_bots.turns import in_hand
from glados_bots.turns.pacing import sleep_unless

log = logging.getLogger(__name__)
T = TypeVar("T")

TRIES = 8
LONGEST_WAIT_S = 30.0


class LeaseLostError(Exception):
    """Another worker owns the turn now: stop without a trace."""


class PausedError(Exception):
    """The pause came while a message was to be tried again: what comes next shows it, under the same nonce."""


class Insistence:
    """For the messages of one turn."""

    def __init__(self, platform: str, turn: str) -> None:
        self._platform = platform
        self._turn = turn

    async def __call__(
        self, call: Callable[[], Awaitable[T]], *, tries: float | None = None, given_up: asyncio.Event | None = None
    ) -> T:
        """Try again with growing pauses; what the surface calls final is final.

        A platform that is away is waited for, however long, and no such try counts; but who has only one try is told.

        Args:
            call: one request to the platform.
            tries: failures after which the last one is raised; TRIES by default.
            given_up: ends the waiting with PausedError.
        """
        tries, failures, pauses = tries or TRIES, 0, growing_pauses(0.5, LONGEST_WAIT_S)
        while True:
            try:
                async with in_hand.works():
                    done = await call()
            except (MessageGoneError, PlaceGoneError, LeaseLostError) as error:
                self._count("lost" if isinstance(error, LeaseLostError) else "gone")
                raise
            except Exception as error:
                self._count("failed")
                failures += not isinstance(error, PlatformAwayError)
                if failures >= tries or tries == 1:
                    raise
                nap = next(pauses)
                log.warning("turn %s: %s; trying again in %.1f s", self._turn, error, nap)
                await _sleep(nap, given_up)
            else:
                self._count("done")
                return done

    def _count(self, outcome: str) -> None:
        SHOWN.labels(self._platform, outcome).inc()


async def _sleep(seconds: float, given_up: asyncio.Event | None) -> None:
    """Raises PausedError as soon as that is so."""
    given_up = given_up or asyncio.Event()
    await sleep_unless(given_up, seconds)
    if given_up.is_set():
        raise PausedError
