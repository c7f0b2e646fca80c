"""The waiting line: fair between callers, bounded, and honest about how long it takes."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from glados_bots.errors import QueueFullError
from glados_bots.inference import waiting_line as module
from glados_bots.inference.waiting_line import WaitingLine
from glados_bots.wire.events import Queued
from tests.waiting import until


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


async def passed(places: AsyncGenerator[Queued]) -> None:
    """Go in; nobody is in the way."""
    assert [place async for place in places] == []


async def admitted(line: WaitingLine, names: list[str]) -> list[str]:
    """The order in which requests are let in that came in this order, one at a time. The first letter is the caller."""
    order: list[str] = []

    async def pass_through(name: str) -> None:
        async for _ in line.enter(name[0]):
            pass
        order.append(name)

    tasks = [asyncio.create_task(pass_through(name)) for name in names]
    for number in range(1, len(names) + 1):
        await until(lambda number=number: len(order) == number)  # type: ignore[misc]
        line.leave(order[-1][0])
    await asyncio.gather(*tasks)
    return order


@pytest.mark.parametrize(
    ("came", "went"),
    [
        ("a1 a2 a3", "a1 a2 a3"),
        ("a1 a2 a3 a4 b1", "a1 a2 b1 a3 a4"),
        ("a1 a2 a3 a4 b1 c1 b2", "a1 a2 b1 c1 a3 b2 a4"),
        ("a1 b1 a2 b2", "a1 b1 a2 b2"),
    ],
)
async def test_callers_take_turns(came: str, went: str) -> None:
    assert await admitted(WaitingLine(1, 10), came.split()) == went.split()


async def test_who_was_served_a_lot_owes_nothing_later() -> None:
    line = WaitingLine(1, 10)
    await admitted(line, ["a1", "a2", "a3", "a4"])
    assert await admitted(line, ["b1", "a5", "b2", "a6"]) == ["b1", "a5", "b2", "a6"]


async def test_places_are_told_again_when_somebody_goes_before() -> None:
    line = WaitingLine(1, 10)
    await passed(line.enter("a"))
    second, third = line.enter("a"), line.enter("a")
    assert [(await anext(second)).position, (await anext(third)).position] == [0, 1]
    other = line.enter("b")
    assert (await anext(other)).position == 1
    assert (await anext(third)).position == 2
    for places in (other, second, third):
        await places.aclose()
    assert line.waiting == 0


async def test_a_full_line_has_room_for_who_has_least_in_it() -> None:
    line = WaitingLine(1, 3)
    await passed(line.enter("a"))
    greedy = [line.enter("a") for _ in range(3)]
    for places in greedy:
        await anext(places)
    with pytest.raises(QueueFullError, match="3 requests"):
        await anext(line.enter("a"))
    other = line.enter("b")
    assert (await anext(other)).position == 1
    with pytest.raises(QueueFullError):
        await anext(greedy[2])
    assert line.waiting == 3
    second = line.enter("b")
    with pytest.raises(QueueFullError):
        await anext(second)
    for places in (*greedy, other):
        await places.aclose()


async def test_the_wait_is_of_busy_time_and_a_quiet_night_is_none(clock: Clock) -> None:
    line = WaitingLine(1, 10)
    for _ in range(4):
        await passed(line.enter())
        clock.now += 2
        line.leave()
    clock.now += 8 * 3600
    await passed(line.enter())
    waits = [line.enter() for _ in range(3)]
    assert [(await anext(places)).wait_s for places in waits] == [2, 4, 6]
    for places in waits:
        await places.aclose()


async def test_before_two_were_seen_to_leave_no_wait_is_told_and_a_stand_still_counts(clock: Clock) -> None:
    line = WaitingLine(2, 10)
    for _ in range(2):
        await passed(line.enter())
    first = line.enter()
    assert (await anext(first)).wait_s is None
    await first.aclose()
    for _ in range(2):
        clock.now += 3
        line.leave()
        await passed(line.enter())
    clock.now += 600
    stuck = line.enter()
    assert ((await anext(stuck)).wait_s or 0) > 200
    await stuck.aclose()


async def test_one_caller_never_takes_the_last_of_sixteen_places() -> None:
    line = WaitingLine(16, 10)
    for _ in range(15):
        await passed(line.enter("a"))
    greedy = [line.enter("a") for _ in range(2)]
    assert [(await anext(places)).position for places in greedy] == [0, 1]
    await passed(line.enter("b"))
    late = line.enter("b")
    assert (await anext(late)).position == 0  # before those of the caller that has its whole share
    line.leave("b")
    with pytest.raises(StopAsyncIteration):
        await anext(late)
    line.leave("a")
    with pytest.raises(StopAsyncIteration):
        await anext(greedy[0])
    for places in greedy:
        await places.aclose()


async def test_the_pace_is_known_although_a_place_is_reserved(clock: Clock) -> None:
    line = WaitingLine(16, 10)
    for _ in range(15):
        await passed(line.enter("a"))
    for _ in range(3):
        clock.now += 2
        line.leave("a")
        await passed(line.enter("a"))
    waiting = line.enter("a")
    assert (await anext(waiting)).wait_s == 2
    await waiting.aclose()
