"""Ends a process whose event loop is blocked; the supervisor of the process starts it again.

A blocked loop answers nobody, renews no lease and notices no signal. The alarm is faulthandler's: its thread does not
need the interpreter lock, which an endless expression would never release. It writes each thread's stack to standard
error, which is the role's log, and ends the process with code 1. Workers give up a turn whose own work blocks one
process after another; see turns/in_hand.py.
"""

import asyncio
import faulthandler
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import Histogram

log = logging.getLogger(__name__)

STILL_S = 30.0
BEAT_S = 1.0
NOTABLE_S = 1.0  # people notice a longer pause


def lag_histogram(**more: Any) -> Histogram:
    """The metric that `watched_loop` reports to. Args: more: labels and registry, as prometheus_client takes them."""
    text = "Delay of the event loop, measured once per second"
    return Histogram("glados_event_loop_lag_seconds", text, buckets=(0.01, 0.05, 0.2, 1, 5, 30), **more)


@asynccontextmanager
async def watched_loop(count: Callable[[float], object]) -> AsyncIterator[None]:
    """While the block runs, end this process if its event loop is blocked for STILL_S seconds.

    Args:
        count: called once per second with the loop's delay in seconds.
    """
    beating = asyncio.create_task(_beat(count), name="watchdog")
    try:
        yield
    finally:
        beating.cancel()
        faulthandler.cancel_dump_traceback_later()


async def _beat(count: Callable[[float], object]) -> None:
    """Postpone the alarm once per beat."""
    clock = asyncio.get_running_loop().time
    while True:
        faulthandler.dump_traceback_later(STILL_S, exit=True, file=sys.stderr)
        due = clock() + BEAT_S
        await asyncio.sleep(BEAT_S)
        late = clock() - due
        count(late)
        if late > NOTABLE_S:
            log.warning("the event loop was blocked for %.1f s; nobody got an answer", late)
