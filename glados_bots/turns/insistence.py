"""Retries calls of a platform until they succeed, or are not needed any more."""

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
    """Another worker owns the turn now. Stop, and change nothing."""


class PausedError(Exception):
    """The pause came before a retry of a message. The next step shows the message, with the same nonce."""


class Insistence:
    """Retries calls for the messages of one turn."""

    def __init__(self, platform: str, turn: str) -> None:
        self._platform = platform
        self._turn = turn

    async def __call__(
        self, call: Callable[[], Awaitable[T]], *, tries: float | None = None, given_up: asyncio.Event | None = None
    ) -> T:
        """Try again with growing pauses. An error that the surface calls final is not retried.

        No try counts while the platform is not reachable. But if `tries` is 1, that error is raised, too.

        Args:
            call: one request to the platform.
            tries: failures after which the last one is raised; TRIES by default.
            given_up: when it is set, the wait ends with PausedError.
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
    """Sleep. Raises PausedError as soon as `given_up` is set."""
    given_up = given_up or asyncio.Event()
    await sleep_unless(given_up, seconds)
    if given_up.is_set():
        raise PausedError
