"""The way in: taken once, within the limits, or refused with a sentence that says till when."""

import asyncio
from dataclasses import replace

import pytest

from glados_bots.conversation import Exchange, Outcome, Turn
from glados_bots.intake.intake import Intake, Verdict
from glados_bots.store.connection import Client
from glados_bots.store.limits import Limit, Limits
from glados_bots.store.store import Edited, Store
from glados_bots.wording.sentence import say


@pytest.fixture
def redis_url(each_redis_url: str) -> str:
    return each_redis_url


def intake(client: Client, limits: Limits | None = None, window: float = 1.5) -> Intake:
    return Intake(store(client, limits), window)


def store(client: Client, limits: Limits | None = None) -> Store:
    return Store(client, "test", ttl=3600, max_exchanges=9, max_queued=100, limits=limits or Limits())


def turn(number: int, author: str = "ada", channel: str = "room", conversation: str = "") -> Turn:
    return Turn(f"t{number}", conversation or f"c{number}", author, f"question {number}", channel=channel)


async def forward(client: Client, key: str, seconds: float) -> None:
    """Let questions of the last minute be older than they are."""
    for member in await client.zrange(key, 0, -1):
        asked = await client.zscore(key, str(member))
        assert asked is not None
        await client.zadd(key, {str(member): asked - seconds * 1000})


async def answer(store: Store, tokens: int) -> None:
    lease = await store.claim()
    assert lease
    turn = lease.turn
    await store.finish(lease, Exchange(turn.id, turn.text, "answer", "done", turn.author, tokens=tokens))


async def test_a_person_may_ask_so_often_a_minute_and_is_told_when_they_may_again(client: Client) -> None:
    way = intake(client, Limits(user=Limit(per_minute=2)))
    assert [(await way.accept(turn(number))).status for number in range(2)] == ["accepted"] * 2
    refused = await way.accept(turn(2))
    assert (refused.status, refused.is_repeat) == ("refused", False)
    assert str(refused.refusal).endswith(("ask again in 60 sec.", "ask again in 59 sec."))
    assert (await way.accept(turn(3))).is_repeat
    assert (await way.accept(turn(4, author="bob"))).status == "accepted"


async def test_a_server_s_limit_counts_with_the_others_and_everybody_there_is_told(client: Client) -> None:
    way = intake(client, Limits(user=Limit(per_minute=1), server=Limit(per_minute=2)))

    async def ask(number: int, author: str, server: str) -> Verdict:
        place = {"guild": server} if server else {}
        return await way.accept(replace(turn(number, author), place=place))

    assert (await ask(0, "ada", "lab")).status == "accepted"
    assert str((await ask(1, "ada", "lab")).refusal).startswith(
        "You have"
    )  # refused by another limit, it counts nowhere
    assert (await ask(2, "bob", "lab")).status == "accepted"
    for number, author in ((3, "eve"), (4, "sam")):
        refused = await ask(number, author, "lab")
        assert str(refused.refusal).startswith("This server has reached the limit of questions per minute.")
        assert not refused.is_repeat
    again = await way.redo("t0", "eve")
    assert again is not None
    assert str(again.refusal).startswith("This server has")
    assert (await ask(5, "eve", "office")).status == "accepted"
    assert (await ask(6, "sam", "")).status == "accepted"


async def test_the_minute_slides(client: Client) -> None:
    way = intake(client, Limits(user=Limit(per_minute=2)))
    await way.accept(turn(0))
    (key,) = [key async for key in client.scan_iter("*limit:minute:*")]
    await forward(client, key, 40)
    await way.accept(turn(1))
    assert "in 20 sec" in str((await way.accept(turn(2))).refusal)
    await forward(client, key, 20)
    assert (await way.accept(turn(2))).status == "accepted"
    assert "in 40 sec" in str((await way.accept(turn(3))).refusal)


@pytest.mark.parametrize(
    ("limits", "whose"),
    [
        (Limits(channel=Limit(per_minute=1)), "This channel has"),
        (Limits(everybody=Limit(per_minute=1)), "Everybody together has"),
    ],
)
async def test_channels_and_everybody_have_limits_too(client: Client, limits: Limits, whose: str) -> None:
    way = intake(client, limits)
    await way.accept(turn(0, author="bob"))
    assert str((await way.accept(turn(1))).refusal).startswith(whose)
    other_channel = await way.accept(turn(2, channel="other"))
    assert other_channel.status == ("accepted" if limits.channel.per_minute else "refused")


async def test_an_event_that_comes_again_counts_once_and_a_refused_one_may_come_again(client: Client) -> None:
    way = intake(client, Limits(user=Limit(per_minute=2)))
    assert [(await way.accept(turn(0), dedupe=["e"])).status for _ in range(3)] == ["accepted"] + ["duplicate"] * 2
    assert (await way.accept(turn(1))).status == "accepted"
    assert (await way.accept(turn(2))).status == "refused"
    assert (await way.accept(turn(0))).status == "duplicate"
    (key,) = [key async for key in client.scan_iter("*limit:minute:*")]
    await forward(client, key, 61)
    assert (await way.accept(turn(2))).status == "accepted"


async def test_no_number_of_processes_lets_more_through(client: Client) -> None:
    ways = [intake(client, Limits(everybody=Limit(per_minute=7))) for _ in range(4)]
    verdicts = await asyncio.gather(*(ways[number % 4].accept(turn(number)) for number in range(40)))
    assert sum(verdict.status == "accepted" for verdict in verdicts) == 7


async def test_tokens_of_the_day_are_counted_when_a_turn_ends_and_come_back_at_midnight(client: Client) -> None:
    limits = Limits(user=Limit(tokens_per_day=100))
    way, kept = intake(client, limits), store(client, limits)
    await way.accept(turn(0))
    await answer(kept, tokens=99)
    assert (await way.accept(turn(1))).status == "accepted"
    await answer(kept, tokens=1)
    refused = await way.accept(turn(2))
    assert "00:00 UTC" in str(refused.refusal)
    (key,) = [key async for key in client.scan_iter("*limit:tokens:*")]
    assert 0 < await client.ttl(key) <= 24 * 3600
    assert await client.get(key) == "100"
    await client.delete(key)
    assert (await way.accept(turn(2))).status == "accepted"


async def test_a_lost_lease_counts_no_tokens(client: Client) -> None:
    limits = Limits(everybody=Limit(tokens_per_day=100))
    kept = Store(client, "test", ttl=60, max_exchanges=9, lease_s=0.01, limits=limits)
    await kept.accept(turn(0))
    stale = await kept.claim()
    await asyncio.sleep(0.05)
    await answer(kept, tokens=5)
    assert stale
    assert await kept.finish(stale, Exchange("t0", "q", "a", "done", tokens=50)) == "lost"
    assert await client.get("glados:{test}:limit:tokens:all") == "5"


async def test_answering_again_counts_as_asking(client: Client) -> None:
    way = intake(client, Limits(user=Limit(per_minute=2)))
    await way.accept(turn(0))
    verdicts = [await way.redo("t0", "ada") for _ in range(2)]
    assert [verdict and verdict.status for verdict in verdicts] == ["accepted", "refused"]
    moderator = await way.redo("t0", "bob")
    assert moderator
    assert moderator.status == "accepted"
    assert await way.redo("unknown", "ada") is None


async def test_questions_of_one_millisecond_are_counted_one_by_one(client: Client) -> None:
    """Regenerate names one turn again and again; a transaction runs all of it within a millisecond or two."""
    kept = store(client, Limits(user=Limit(per_minute=60)))
    await kept.accept(turn(0))
    scopes = kept.limits.asked(turn(0))
    async with client.pipeline(transaction=True) as pipe:
        for _ in range(100):
            await kept._scripts["change"](keys=[kept.prefix], args=["t0", "redo", "", scopes, 0, "", ""], client=pipe)
        found = await pipe.execute()
    assert [answer[0] for answer in found] == ["queued"] * 59 + ["limited"] * 41
    (key,) = [key async for key in client.scan_iter("*limit:minute:*")]
    assert await client.zcard(key) == 60


async def test_an_edit_that_is_told_again_counts_once(client: Client) -> None:
    way = intake(client, Limits(user=Limit(per_minute=4)))
    for number in range(2):
        await way.accept(turn(number, conversation="c"))
    assert (await way.redo("t0", "ada", Edited("new"))) == (await way.redo("t0", "ada", Edited("new")))
    assert (await way.redo("t1", "ada", Edited("TWO"))) == (await way.redo("t1", "ada", Edited("TWO")))
    found = await store(client).turn("t0")
    assert found
    assert found.text == "new\nTWO"
    again = await way.redo("t0", "ada")  # Regenerate names no text: that is a question each time
    assert again
    assert again.status == "refused"


async def test_counters_do_not_say_whom_they_count(client: Client) -> None:
    way = intake(client, Limits(Limit(5, 100), Limit(5, 100), Limit(5, 100)))
    await way.accept(turn(0, author="canary-ada", channel="canary-room"))
    await answer(store(client, Limits(Limit(5, 100), Limit(5, 100))), tokens=3)
    keys = [key async for key in client.scan_iter("*limit:*")]
    assert keys
    assert not [key for key in keys if "canary" in key]


async def test_a_full_queue_is_refused_with_a_sentence(client: Client) -> None:
    way = Intake(Store(client, "test", ttl=60, max_exchanges=9, max_queued=1), 0)
    await way.accept(turn(0, conversation="c"))
    assert (await way.accept(turn(1, conversation="c"))).refusal == say("queue-full", count=1)


async def test_joining_ends_with_the_window_and_can_be_left_out(client: Client) -> None:
    kept = store(client)
    await kept.accept(turn(0, conversation="c"))
    await kept.claim()
    assert (await Intake(kept, 60).accept(turn(1, conversation="c"))).status == "accepted"
    joined = await Intake(kept, 60).accept(turn(2, conversation="c"))
    assert (joined.status, joined.turn) == ("joined", "t1")
    assert (await Intake(kept, 60).accept(turn(3, conversation="c"), joins=False)).status == "accepted"
    assert (await Intake(kept, 0).accept(turn(4, conversation="c"))).status == "accepted"


async def test_half_a_character_is_no_reason_to_fail(client: Client) -> None:
    way = intake(client)
    assert (await way.accept(Turn("t", "c", "ada", "half \ud83d"))).status == "accepted"
    assert await way.redo("t", "ada", Edited("half \udc00")) is not None


async def test_many_questions_at_once_find_room_for_so_many_answers_as_tokens_are_left(client: Client) -> None:
    limits = Limits(user=Limit(tokens_per_day=100), held=20)
    way, kept = intake(client, limits), store(client, limits)
    verdicts = await asyncio.gather(*(way.accept(turn(number)) for number in range(20)))
    assert [verdict.status for verdict in verdicts].count("accepted") == 5
    refusals = [verdict.refusal for verdict in verdicts if verdict.refusal]
    assert set(map(str, refusals)) == {str(say("limit-open-user"))}
    assert (await way.accept(turn(30, author="bob"))).status == "accepted"
    for _ in range(2):
        await answer(kept, tokens=30)
    assert (await way.accept(turn(40))).status == "refused"  # 60 are used, and 3 answers under way
    await answer(kept, tokens=0)
    assert [(await way.accept(turn(number))).status for number in (40, 41)] == ["refused", "refused"]
    await answer(kept, tokens=0)
    assert [(await way.accept(turn(number))).status for number in (40, 41)] == ["accepted", "refused"]


async def test_a_small_limit_lets_four_questions_be_under_way(client: Client) -> None:
    way = intake(client, Limits(everybody=Limit(tokens_per_day=100), held=5000))
    verdicts = [await way.accept(turn(number)) for number in range(6)]
    assert [verdict.status for verdict in verdicts] == ["accepted"] * 4 + ["refused"] * 2


@pytest.mark.parametrize("end", ["done", "failed", "deleted"])
async def test_what_was_set_aside_is_given_back_however_a_turn_ends(client: Client, end: str) -> None:
    limits = Limits(user=Limit(tokens_per_day=40), channel=Limit(tokens_per_day=40), held=10)
    way, kept = intake(client, limits), store(client, limits)
    for number in range(4):
        assert (await way.accept(turn(number))).status == "accepted"
    assert (await way.accept(turn(10))).status == "refused"
    for number in range(4):
        if end == "deleted":
            await kept.change(f"t{number}", "delete")
        lease = await kept.claim()
        assert lease
        outcome: Outcome = "failed" if end == "failed" else "done"
        await kept.finish(lease, None if end == "deleted" else Exchange(lease.turn.id, "q", "a", outcome, "ada"))
    assert not [key async for key in client.scan_iter("*limit:open:*")]


async def test_another_answer_to_a_question_sets_tokens_aside_for_who_asks_for_it(client: Client) -> None:
    limits = Limits(user=Limit(tokens_per_day=40), held=10)
    way, kept = intake(client, limits), store(client, limits)
    for number in range(4):
        await way.accept(turn(number))
        await answer(kept, tokens=1)
    for number in range(4):
        verdict = await way.redo(f"t{number}", "bob")
        assert verdict is not None
        assert verdict.status == "accepted"
    assert (await way.accept(turn(8, author="bob"))).status == "refused"
    assert (await way.accept(turn(9))).status == "accepted"
    await answer(kept, tokens=1)
    assert (await way.accept(turn(8, author="bob"))).status == "accepted"


async def test_what_a_deleted_question_has_cost_is_counted(client: Client) -> None:
    limits = Limits(user=Limit(tokens_per_day=100))
    way, kept = intake(client, limits), store(client, limits)
    await way.accept(turn(0))
    lease = await kept.claim()
    assert lease
    assert await kept.finish(lease, None, spent=100) == "ended"
    assert "00:00 UTC" in str((await way.accept(turn(1))).refusal)


async def test_edits_of_answered_questions_stand_in_the_queue_as_questions_do(client: Client) -> None:
    kept = Store(client, "test", ttl=3600, max_exchanges=9, max_queued=2)
    way = Intake(kept, 0.0)
    for number in range(4):
        await way.accept(turn(number, conversation="c"))
        await answer(kept, tokens=1)
    verdicts = [await way.redo(f"t{number}", "ada", Edited("edited")) for number in range(4)]
    assert [verdict and verdict.status for verdict in verdicts] == ["accepted", "accepted", "refused", "refused"]
    assert verdicts[3]
    assert verdicts[3].refusal == say("queue-full", count=2)
    assert len(await kept.queue("c")) == 2
    again = await way.redo("t0", "ada", Edited("edited once more"))
    assert again is not None
    assert again.status == "accepted"  # it stands in the queue already
    assert await kept.change("t3", "redo")  # an operator's retry is nobody's flood
    assert len(await kept.queue("c")) == 3
