"""The soak in short: real processes are killed at random, and each question still gets one answer, in place and order.

benchmarks/soak.py is the long one. The judge is tested too: one that finds no fault in anything would prove nothing.
"""

from pathlib import Path

import pytest

from tests.soak.far_ends import Seen
from tests.soak.run import Plan, Soak
from tests.soak.verdict import Asked, judge, recovery

ASKED = [Asked(1, 7, 0.0, 0.1), Asked(2, 7, 1.0, 1.1), Asked(3, 8, 1.0, 1.2)]


def answer(number: int, thread: int | None = 7, *, order: int = 0, done_at: float = 5.0, whole: bool = True) -> Seen:
    text = f"answer {number}, word, {f'end {number},' if whole else ''}"
    return Seen(thread, (number,), text, order or number, done_at, done_at)


GOOD = [answer(1), answer(2, done_at=6.0), answer(3, 8)]


@pytest.mark.parametrize(
    ("seen", "broken"),
    [
        (GOOD, {}),
        (GOOD[:2], {"lost": [3]}),
        ([*GOOD[:2], answer(3, 8, whole=False)], {"lost": [3]}),
        ([*GOOD, answer(3, 8, order=9, whole=False)], {"doubled": [3]}),
        ([*GOOD[:2], answer(3, None)], {"wrong_thread": [3]}),
        ([answer(1, done_at=7.0), *GOOD[1:]], {"out_of_order": [2]}),
        ([answer(1, order=5), *GOOD[1:]], {"out_of_order": [2]}),
        ([*GOOD, Seen(7, (), "Queued: next.", 10, None, 9.0)], {"waiting": ["Queued: next."]}),
    ],
)
def test_the_judge_finds_each_kind_of_fault(seen: list[Seen], broken: dict[str, list[object]]) -> None:
    verdict = judge(ASKED, seen)
    assert {name: value for name, value in vars(verdict).items() if value} == broken
    assert verdict.holds == (not broken)


@pytest.mark.parametrize(("second", "found"), [(5.0, []), (5.001, [2])])
def test_questions_accepted_in_one_millisecond_have_no_order(second: float, found: list[int]) -> None:
    asked = [Asked(1, 7, 0.0, accepted_at=5.0), Asked(2, 7, 0.0, accepted_at=second)]
    below = [answer(1, order=9, done_at=7.0), answer(2, order=8, done_at=6.0)]
    assert judge(asked, below).out_of_order == found


def test_what_a_kill_cost_us_is_told_apart_from_what_the_platform_took_to_deliver_again() -> None:
    asked = [Asked(1, 7, 0.0, accepted_at=1.0), Asked(2, 7, 2.0, accepted_at=63.0), Asked(3, 8, 9.0, accepted_at=9.5)]
    found = recovery(asked, {1: 9.0, 2: 64.0, 3: 10.0}, [3.0, 5.0])
    assert (found.answered, found.delivered, found.then_answered) == ([4.0], [58.0], [1.0])


@pytest.mark.slow
async def test_kills_at_random_lose_double_and_mix_up_nothing(tmp_path: Path) -> None:
    plan = Plan(
        messages=32, threads=8, kill_every_s=(0.8, 1.6), seed=1, lease_s=2.0, patience_s=120.0, quiet=2, longest_s=60.0
    )
    report = await Soak(plan, tmp_path).run()
    assert report.holds, "\n".join(report.lines())
    assert sum(report.kills.values()) >= 3
    assert report.asked >= 20
