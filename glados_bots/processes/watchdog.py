"""Ends a process whose event loop stands still; whatever supervises the process starts it again.

A loop that stands still answers nobody, renews no lease and hears no signal. The alarm is faulthandler's: a thread that
needs no interpreter lock, which an expression without end would keep from all others. It writes where each thread
stands to standard error, which is the role's log, and ends the process with code 1. A turn whose own work does this to
one process after the other is given up; see turns/in_hand.py.
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
NOTABLE_S = 1.0  # people notice


def lag_histogram(**more: Any) -> Histogram:
    """The metric for `watched_loop` to count in. Args: more: labels and registry, as prometheus_client takes them."""
    text = "How late each second's beat of the event loop was"
    return Histogram("glados_event_loop_lag_seconds", text, buckets=(0.01, 0.05, 0.2, 1, 5, 30), **more)


@asynccontextmanager
async def watched_loop(count: Callable[[float], object]) -> AsyncIterator[None]:
    """End this process when its event loop has not turned for STILL_S while the block runs.

    Args:
        count: is told each second how many seconds late the loop is.
    """
    beating = asyncio.create_task(_beat(count), name="watchdog")
    try:
        yield
    finally:
        beating.cancel()
        faulthandler.cancel_dump_traceback_later()


async def _beat(count: Callable[[float], object]) -> None:
    """Put the alarm off again and again."""
    clock = asyncio.get_running_loop().time
    while True:
        faulthandler.dump_traceback_later(STILL_S, exit=True, file=sys.stderr)
        due = clock() + BEAT_S
        await asyncio.sleep(BEAT_S)
        late = clock() - due
        count(late)
        if late > NOTABLE_S:
            log.warning("the event loop stood still for %.1f s: nothing was answered meanwhile", late)
