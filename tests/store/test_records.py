"""What is kept of people: votes and conversations; and that forgetting leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from glados_bots.conversation import Exchange, Turn
from glados_bots.store.connection import Client
from glados_bots.store.records import Records
from glados_bots.store.store import Store
from tests.contents import holding
from tests.turns.world import World, a_world
from tests.waiting import until


@pytest.fixture
async def world(client: Client) -> AsyncIterator[World]:
    async with a_world(client) as found:
        yield found


def store(client: Client) -> Store:
    return Store(client, "test", ttl=3600, max_exchanges=3)


async def answered(store: Store, number: int, conversation: str = "c", author: str = "ada", word: str = "word") -> None:
    turn = Turn(f"t{number}", conversation, author, word, f"Name of {author}")
    await store.accept(turn)
    lease = await store.claim()
    assert lease
    await store.finish(lease, Exchange(turn.id, word, word, "done", author, turn.author_name, at=number))


async def test_a_vote_is_kept_with_its_answer_until_it_is_changed_or_withdrawn(client: Client) -> None:
    kept, records = store(client), Records(store(client))
    await answered(kept, 1)
    assert await records.vote("t1", "ada", "up")
    assert await records.vote("t1", "bob", "down")
    assert await records.vote("t1", "ada", "down")
    assert await records.votes("t1") == {"ada": "down", "bob": "down"}
    assert await records.vote("t1", "bob", "")
    assert await records.votes("t1") == {"ada": "down"}


async def test_the_same_vote_again_takes_it_back(client: Client) -> None:
    kept, records = store(client), Records(store(client))
    assert await records.press("t1", "ada", "up") is None
    await answered(kept, 1)
    assert [await records.press("t1", "ada", vote) for vote in ("up", "down", "down", "up")] == ["up", "down", "", "up"]
    assert await records.votes("t1") == {"ada": "up"}


async def test_votes_go_when_the_answer_goes(client: Client) -> None:
    kept, records = store(client), Records(store(client))
    await answered(kept, 1)
    await records.vote("t1", "ada", "up")
    await kept.change("t1", "redo")
    assert await records.votes("t1") == {}
    assert not await records.vote("t1", "ada", "up")  # there is no answer to vote on while it is made anew
    assert not await records.vote("unknown", "ada", "up")


async def test_everything_a_person_asked_is_found_oldest_first_with_their_votes(client: Client) -> None:
    kept, records = store(client), Records(store(client))
    await answered(kept, 2, "b")
    await answered(kept, 1, "a")
    await answered(kept, 3, "a", author="bob")
    await records.vote("t2", "ada", "up")
    found = await records.exchanges_of("ada")
    assert [(conversation, each.turn) for conversation, each in found] == [("a", "t1"), ("b", "t2")]
    assert [await records.votes(each.turn) for _, each in found] == [{}, {"ada": "up"}]
    assert await records.conversations_of("bob") == ["a"]


async def test_forgetting_a_person_leaves_no_trace_of_them_and_everything_of_others(client: Client) -> None:
    kept, records = store(client), Records(store(client))
    await answered(kept, 1, "a", "canary", "canary-words")
    await answered(kept, 2, "a", "bob")
    await answered(kept, 3, "b", "canary", "canary-words")
    await records.vote("t2", "canary", "up")
    await records.vote("t2", "bob", "up")
    assert set(await records.forget_author("canary")) == {"t1", "t3"}
    assert await holding(client, "canary") == []
    assert [exchange.turn for exchange in await kept.history("a")] == ["t2"]
    assert await records.votes("t2") == {"bob": "up"}


async def test_forgetting_a_person_reaches_dead_letters_joined_waiting_and_running_turns(world: World) -> None:
    await world.store.accept(Turn("d", "dead", "canary", "canary-words"))
    lease = await world.store.claim()
    assert lease
    await world.store.finish(lease, Exchange("d", "canary-words", "sorry", "failed", "canary"))
    await world.intake.accept(Turn("j1", "joined", "canary", "canary-words"))
    assert (await world.intake.accept(Turn("j2", "joined", "canary", "canary-words"))).status == "joined"
    await world.records.forget_author("canary")
    assert not [key for key in await holding(world.store.client, "canary-words") if ":seen:" not in key]
    async with world.working():
        await world.settled(0, "joined")
    assert await holding(world.store.client, "canary") == []
    assert (await world.store.load()) == (0, 0)
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working():
        await world.store.accept(Turn("r", "running", "canary", "canary-words"))
        await until(lambda: world.surface.seen("r") == "Hello ")
        await world.records.forget_author("canary")
        await world.settled(0, "running")
    assert await holding(world.store.client, "canary") == []
    assert not world.surface.ledger


async def test_forgetting_a_conversation_leaves_no_words_of_it(client: Client) -> None:
    kept, records = store(client), Records(store(client))
    for number in range(5):  # more than are kept in the history
        await answered(kept, number, "a", word="canary-words")
    await answered(kept, 9, "b")
    await records.forget_conversation("a")
    assert await holding(client, "canary-words") == []
    assert await kept.history("a") == []
    assert len(await kept.history("b")) == 1


async def test_a_person_stays_findable_as_long_as_others_keep_their_conversation_alive(client: Client) -> None:
    kept = store(client)
    await answered(kept, 1, author="ada")
    await client.expire("glados:{test}:a:ada", 5)
    await answered(kept, 2, author="bob")
    assert await client.ttl("glados:{test}:a:ada") > 3000
    assert await Records(kept).conversations_of("ada") == ["c"]


async def test_what_ran_out_is_taken_off_a_persons_list(client: Client) -> None:
    kept = store(client)
    await answered(kept, 1)
    await client.delete("glados:{test}:c:c:history", "glados:{test}:c:c:exchanges")
    assert await Records(kept).conversations_of("ada") == []
    assert not await client.exists("glados:{test}:a:ada")
