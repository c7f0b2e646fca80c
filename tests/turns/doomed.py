"""A worker in a process of its own, which a question about poison kills.

python -m tests.turns.doomed REDIS MODEL OWNER
"""

import asyncio
import os
import re
import signal
import sys
import time
from typing import Any

import glados_bots.turns.prompts
from glados_bots.conversation import Turn
from glados_bots.processes import watchdog
from glados_bots.settings import Settings
from glados_bots.store.connection import connect
from glados_bots.store.store import Store
from glados_bots.surface import View
from glados_bots.turns.in_hand import LONGEST_HOLD_S
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.worker import Worker
from glados_bots.wire.client import InferenceClient
from tests.fakes.surface import MemorySurface

PLATFORM, POISON, POISON_TO_DRAW, POISON_TO_FREEZE = "test", "poison", "look deadly", "stand still"


class Unseen(MemorySurface):
    """A platform whose messages outlive the process; nobody looks at them."""

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        """The nonce is the message's name."""
        del turn, view
        return nonce

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        """Drawing some answers takes long and ends badly."""
        del post
        if POISON_TO_DRAW in turn.text and view.state in {"writing", "done"}:
            time.sleep(2 * LONGEST_HOLD_S)
            os.kill(os.getpid(), signal.SIGKILL)


def store(redis_url: str, owner: str) -> Store:
    """As such a process has it; its leases last longer than any test."""
    return Store(connect(redis_url), PLATFORM, ttl=3600, max_exchanges=50, lease_s=600, owner=owner)


def _deadly(real: Any) -> Any:
    def fit(system: str, history: Any, turn: Turn, *args: Any, **options: Any) -> Any:
        if POISON in turn.text:
            os.kill(os.getpid(), signal.SIGKILL)
        if POISON_TO_FREEZE in turn.text:
            re.match(r"(a+)+$", "a" * 60 + "b")  # it keeps the interpreter to itself for years
        return real(system, history, turn, *args, **options)

    return fit


async def _main(redis_url: str, model_url: str, owner: str) -> None:
    glados_bots.turns.prompts.fit = _deadly(glados_bots.turns.prompts.fit)  # type: ignore[attr-defined]
    kept = store(redis_url, owner)
    pacer = Pacer(kept.client, kept.prefix)
    watchdog.STILL_S = 1.0
    async with watchdog.watched_loop(lambda _: None):
        await Worker(kept, Unseen(), InferenceClient(model_url), pacer, Settings(_env_file=None)).run()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
