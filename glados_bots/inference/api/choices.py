"""Several answers to one request: `n` choices of one prompt, and those of several prompts.

The first choice of a prompt reads it, and the others begin when it speaks: then they find the prompt's pages in the
cache. A request computes a few answers at the same time, so that others need not wait for all of them.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from hashlib import blake2b

from glados_bots.wire.events import Begun, Choice, Event, Finished, Queued, Sampling

MOST_CHOICES = 8  # of one prompt
MOST_AT_ONCE = 8


Start = Callable[[], AsyncGenerator[Event]]


def seeded(sampling: Sampling, count: int) -> list[Sampling]:
    """The wishes of each choice. The first keeps the request's seed, and the others have seeds made from it."""
    return [replace(sampling, seed=_seed(sampling.seed, index)) for index in range(count)]


def _seed(seed: int | None, index: int) -> int | None:
    if seed is None or index == 0:
        return seed
    return int.from_bytes(blake2b(f"{seed} {index}".encode(), digest_size=8).digest(), signed=True)


def by_choice(events: Iterable[Event], count: int) -> list[list[Event]]:
    """The events of each choice. A single answer's events come without a `Choice` around them."""
    found: list[list[Event]] = [[] for _ in range(count)]
    for event in events:
        if isinstance(event, Choice):
            found[event.index].append(event.event)
        elif count == 1:
            found[0].append(event)
    return found


def answers(prompts: Sequence[Sequence[Start]]) -> AsyncGenerator[Event]:
    """The events of a request. Those of a single answer come as the engine tells them. Args: as of `together`."""
    (first, *others), *further = prompts
    return together(prompts) if others or further else first()


async def together(prompts: Sequence[Sequence[Start]]) -> AsyncGenerator[Event]:
    """All answers at the same time: `Queued` until one begins, `Begun` for each prompt, `Choice`s, then one `Finished`.

    The last event counts each prompt once. An answer that fails ends all.

    Args:
        prompts: starts the choices of each prompt.
    """
    running = _Running()
    tasks = running.begin(prompts)
    try:
        async for event in running.events(len(tasks)):
            yield event
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Running:
    """The answers under way, each read by a task of its own."""

    def __init__(self) -> None:
        self._news: asyncio.Queue[Choice | Exception] = asyncio.Queue()
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._firsts: set[int] = set()  # the first choice of each prompt

    def begin(self, prompts: Sequence[Sequence[Start]]) -> list[asyncio.Task[None]]:
        tasks: list[asyncio.Task[None]] = []
        for starts in prompts:
            self._firsts.add(len(tasks))
            is_read = asyncio.Event()
            for number, start in enumerate(starts):
                answer = self._answer(len(tasks), start, is_read, is_first=number == 0)
                tasks.append(asyncio.create_task(answer))
        return tasks

    async def _answer(self, index: int, start: Start, is_read: asyncio.Event, *, is_first: bool) -> None:
        try:
            if not is_first:
                await is_read.wait()
            async with self._places, aclosing(start()) as events:
                async for event in events:
                    if not isinstance(event, Queued | Begun):
                        is_read.set()
                    self._news.put_nowait(Choice(index, event))
        except Exception as error:  # noqa: BLE001 - whoever reads the answers must learn of every error
            self._news.put_nowait(error)
        finally:
            is_read.set()

    async def events(self, count: int) -> AsyncGenerator[Event]:
        """What the choices tell, until `count` of them are finished."""
        has_begun = False
        ends: dict[int, Finished] = {}
        while len(ends) < count:
            told = await self._news.get()
            if isinstance(told, Exception):
                raise told
            has_begun = has_begun or isinstance(told.event, Begun)
            if isinstance(told.event, Finished):
                ends[told.index] = told.event
            if not isinstance(told.event, Queued | Begun):
                yield told
            elif told.index in self._firsts and (isinstance(told.event, Begun) or not has_begun):
                yield told.event
        yield self._total(ends)

    def _total(self, ends: dict[int, Finished]) -> Finished:
        firsts = [ends[index] for index in self._firsts]
        return Finished(
            ends[0].reason,
            sum(end.prompt_tokens for end in firsts),
            sum(end.cached_tokens for end in firsts),
            sum(end.completion_tokens for end in ends.values()),
            sum(end.reasoning_tokens for end in ends.values()),
        )
