"""The soak in short: everything fails at random, and each question still gets one answer, in place and order.

benchmarks/soak.py is the long one. The judge is tested too: one that finds no fault in anything would prove nothing.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glados_bots.wording.sentence import say
from tests.soak.plan import Plan
from tests.soak.questions import Misdeeds, Question, Seen, seen_by_revisions
from tests.soak.recovery import recovery
from tests.soak.run import Soak
from tests.soak.verdict import judge


def question(number: int, thread: int = 7, at: float = 0.0, **more: Any) -> Question:
    return Question(number, thread, at or number, accepted_at=at or number, **more)


def answer(number: int, thread: int | None = 7, *, version: int = 0, end: bool = True, **more: Any) -> Seen:
    """A message that answers a question; unless told otherwise, in the order of the numbers."""
    text = f"answer {number}.{version}, word, {f'end {number}.{version},' if end else ''}"
    return Seen(thread, text, **{"order": number, "done_at": 5.0 + number, **more})


ASKED = [question(1), question(2), question(3, 8)]
GOOD = [answer(1), answer(2), answer(3, 8)]
EDITED = [question(1), question(2), question(3, 8, version=2)]
DELETED = [question(1), question(2), question(3, 8, is_deleted=True)]


@pytest.mark.parametrize(
    ("asked", "seen", "broken"),
    [
        (ASKED, GOOD, {}),
        (ASKED, GOOD[:2], {"lost": [3]}),
        (ASKED, [*GOOD[:2], answer(3, 8, end=False)], {"lost": [3]}),
        (ASKED, [*GOOD, answer(3, 8, order=9, end=False)], {"doubled": [3]}),
        (ASKED, [*GOOD[:2], answer(3, None)], {"in_the_wrong_thread": [3]}),
        (ASKED, [*GOOD[:2], answer(3, 8, place=1)], {"in_the_wrong_thread": [3]}),
        (ASKED, [answer(1, done_at=9.0), *GOOD[1:]], {"out_of_order": [2]}),
        (ASKED, [answer(1, order=5), *GOOD[1:]], {"out_of_order": [2]}),
        (ASKED, [*GOOD, Seen(7, str(say("apology")), 10)], {"apologies": [str(say("apology"))]}),
        (ASKED, [*GOOD, Seen(7, str(say("queued-next")), 10)], {"placeholders_left": [str(say("queued-next"))]}),
        (ASKED, [*GOOD, Seen(7, "…", 10)], {"placeholders_left": ["…"]}),
        (ASKED, [*GOOD[:2], answer(3, 8, is_unfinished=True)], {"placeholders_left": [answer(3).text]}),
        (EDITED, [*GOOD[:2], answer(3, 8, version=2)], {}),
        (EDITED, GOOD, {"edits_not_followed": [3]}),
        (EDITED, [*GOOD[:2], answer(3, 8, version=1)], {"edits_not_followed": [3]}),
        (EDITED, [*GOOD[:2], answer(3, 8, version=2, end=False)], {"lost": [3]}),
        (DELETED, GOOD[:2], {}),
        (DELETED, GOOD, {"answers_to_deleted_questions": [3]}),
        (DELETED, [*GOOD[:2], answer(3, 8, end=False)], {"answers_to_deleted_questions": [3]}),
    ],
)
def test_the_judge_finds_each_kind_of_fault_in_what_stands(
    asked: list[Question], seen: list[Seen], broken: dict[str, list[object]]
) -> None:
    verdict = judge(asked, seen)
    assert {name: value for name, value in vars(verdict).items() if value} == broken
    assert verdict.holds == (not broken)


@pytest.mark.parametrize(
    ("misdeeds", "kind"),
    [
        (Misdeeds(not_granted=["PATCH /channels/1/messages/2 (bucket)"]), "calls_not_granted"),
        (Misdeeds(pings=["user 5"]), "pings"),
        (Misdeeds(left_on=["session is processing"]), "sessions_and_status_lines_left"),
    ],
)
def test_the_judge_counts_what_else_the_bot_did(misdeeds: Misdeeds, kind: str) -> None:
    verdict = judge(ASKED, GOOD, misdeeds)
    assert [name for name, value in vars(verdict).items() if value] == [kind]
    assert not verdict.holds


@pytest.mark.parametrize(("second", "found"), [(5.0, []), (5.001, [2])])
def test_questions_accepted_in_one_millisecond_have_no_order(second: float, found: list[int]) -> None:
    asked = [question(1, at=5.0), question(2, at=second)]
    below = [answer(1, order=9, done_at=7.0), answer(2, order=8, done_at=6.0)]
    assert judge(asked, below, in_order=False).out_of_order == found


def test_order_is_that_of_acceptance_where_a_platform_delivers_late() -> None:
    asked = [Question(1, 7, 1.0, accepted_at=60.0), Question(2, 7, 2.0, accepted_at=2.1)]
    seen = [answer(2, order=1, done_at=3.0), answer(1, order=2, done_at=61.0)]
    assert judge(asked, seen, in_order=False).out_of_order == []
    assert judge(asked, seen).out_of_order == [2]


def test_an_answer_that_was_made_anew_ends_when_it_does_but_keeps_its_place() -> None:
    asked = [question(1, version=1), question(2)]
    assert judge(asked, [answer(1, version=1, done_at=90.0), answer(2)]).out_of_order == []
    assert judge(asked, [answer(1, version=1, order=5), answer(2)]).out_of_order == [2]


def test_where_times_tell_no_order_what_stands_above_does() -> None:
    late, early = replace(answer(1, done_at=9.0), is_timed=False), replace(answer(2, done_at=6.0), is_timed=False)
    assert judge(ASKED[:2], [late, early]).out_of_order == []
    assert judge(ASKED[:2], [replace(late, order=5), early]).out_of_order == [2]


def test_a_message_is_whole_from_the_moment_of_its_last_word() -> None:
    looks = [
        (1.0, "GLaDOS thinks"),
        (2.0, "answer 1.0, word"),
        (3.0, "answer 1.0, word, end 1.0,"),
        (4.0, "answer 1.0, end 1.0, "),
    ]
    seen = seen_by_revisions((7, 1), 0, looks, is_unfinished=False)
    assert (seen.words_at, seen.done_at, seen.numbers, seen.whole) == (2.0, 3.0, {1}, {(1, 0)})


def test_what_a_kill_cost_us_is_told_apart_from_what_the_platform_took_to_deliver_again() -> None:
    asked = [
        Question(1, 7, 0.0, accepted_at=1.0),
        Question(2, 7, 2.0, accepted_at=63.0),
        Question(3, 8, 9.0, accepted_at=9.5),
    ]
    found = recovery(asked, {1: 9.0, 2: 64.0, 3: 10.0}, [3.0, 5.0])
    assert (found.answered, found.delivered, found.then_answered) == ([4.0], [58.0], [1.0])


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_kills_outages_and_second_thoughts_lose_double_and_mix_up_nothing(tmp_path: Path) -> None:
    plan = Plan(
        messages=32, threads=8, workspaces=2, kill_every_s=(2.0, 4.0), trouble_every_s=(3.0, 6.0), outages=1,
        outage_s=10.0, changed=0.4, seed=1, lease_s=2.0, patience_s=240.0, longest_s=600.0,
        redelivery_s=(1.0, 5.0, 20.0, 60.0),
        stall_s=(0.3, 1.5),  # below a lease: a call of a dead process that is carried out later hides newer words
    )  # fmt: skip
    report = await Soak(plan, tmp_path).run()
    assert report.holds, "\n".join(report.lines())
    assert report.kills.total() >= 5
    assert all(len(found.asked) == plan.messages for found in report.findings.values())
    chats = [found for name, found in report.findings.items() if name != "web"]
    assert all(found.trouble and found.outages == plan.outages for found in chats)
