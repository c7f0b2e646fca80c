"""Files of a question: read once, before the model is asked; kept and forgotten with the turn; told of beside it."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from PIL import Image

from glados_bots.attachments.contents import Contents
from glados_bots.attachments.reading import read
from glados_bots.conversation import Attachment, Turn
from glados_bots.settings import Settings
from glados_bots.store.channels import ChannelBook
from glados_bots.store.connection import Client
from glados_bots.store.records import Records
from glados_bots.store.store import Edited, Store
from glados_bots.surface import PlatformAwayError, UnreadableError
from glados_bots.turns import attached
from glados_bots.turns.served_models import MOST_PICTURES
from glados_bots.wire.client import InferenceClient
from glados_bots.wording.sentence import joined, say
from tests.fakes.engine import ScriptedEngine
from tests.fakes.recording_model import RecordingModel, pictures_of, words_of
from tests.fakes.surface import MemorySurface
from tests.servers import running
from tests.turns.world import World
from tests.waiting import until

LOG = Attachment("f1", "pump.log", "text/plain", 20)
SHOT = Attachment("f2", "shot.png", "image/png", 1000)


def png(colour: str = "red") -> bytes:
    found = io.BytesIO()
    Image.new("RGB", (64, 32), colour).save(found, "PNG")
    return found.getvalue()


@dataclass
class Scene:
    """A world whose model is a recording server."""

    world: World
    model: RecordingModel

    async def ask(self, number: int, text: str, *files: Attachment, conversation: str = "c") -> None:
        turn = Turn(f"t{number}", conversation, "ada", text, attachments=files)
        assert (await self.world.store.accept(turn)).status == "accepted"

    async def answered(self, number: int, text: str, *files: Attachment) -> str:
        """Ask, and return what the bot said beside the answer."""
        before = len(await self.world.answers())
        await self.ask(number, text, *files)
        await self.world.settled(before + 1)
        return self.world.surface.last(f"t{number}").notice

    async def contents(self, number: int = 1) -> dict[str, Contents]:
        found = await self.world.store.contents(f"t{number}")
        return {name: Contents.from_json(data) for name, data in found.items()}


@asynccontextmanager
async def a_scene(client: Client, model: RecordingModel, **options: Any) -> AsyncIterator[Scene]:
    async with running(model.app()) as url:
        inference = InferenceClient(f"{url}/v1")
        store = Store(client, "test", ttl=3600, max_exchanges=2, lease_s=0.6)
        settings = Settings(_env_file=None, **options)
        yield Scene(World(store, MemorySurface(), ScriptedEngine(), inference, settings), model)
        await inference.aclose()


@pytest.fixture
async def scene(client: Client) -> AsyncIterator[Scene]:
    async with a_scene(client, RecordingModel()) as found:
        found.world.surface.files = {"f1": b"pump 7 is hot", "f2": png()}
        yield found


async def test_the_model_reads_the_words_of_a_file_and_sees_a_picture_also_when_people_ask_again_about_them(
    scene: Scene,
) -> None:
    async with scene.world.working():
        assert await scene.answered(1, "What is wrong?", LOG, SHOT) == ""
        assert await scene.answered(2, "And why?") == ""
    first, second = scene.model.asked
    assert words_of(first).startswith("What is wrong?\n\n")
    assert "pump 7 is hot" in words_of(first)
    (seen,) = pictures_of(first)
    assert Image.open(io.BytesIO(seen)).size == (64, 32)
    assert words_of(second, -3) == words_of(first)  # the same beginning, so that a cache finds it
    assert pictures_of(second, -3) == [seen]
    assert scene.world.surface.fetched == ["f1", "f2"]


async def test_a_follow_up_sees_the_pictures_in_the_order_in_which_they_were_attached(scene: Scene) -> None:
    shots = [Attachment(f"p{number}", f"p{number}.png") for number in range(MOST_PICTURES)]
    scene.world.surface.files = {shot.id: png(f"#{index}{index}0000") for index, shot in enumerate(shots)}
    async with scene.world.working():
        await scene.answered(1, "Which?", *shots)
        await scene.answered(2, "And the second?")
    first, second = scene.model.asked
    assert pictures_of(second, -3) == pictures_of(first)


@pytest.mark.parametrize("data", ["", "[]", '{"words": 1}', '{"text": "old", "pictures": 3}', "null"])
async def test_contents_of_another_form_are_read_anew(scene: Scene, data: str) -> None:
    store = scene.world.store
    await scene.ask(1, "Why?", LOG)
    await store.client.hset(f"{store.prefix}f:t1", "f1", data)
    async with scene.world.working():
        await scene.world.settled(1)
    assert "pump 7 is hot" in words_of(scene.model.asked[0])


async def test_an_exchange_keeps_what_was_read_but_no_address(scene: Scene) -> None:
    secret = Attachment("f1", "pump.log", source={"url": "https://cdn.example/signed"})
    async with scene.world.working():
        await scene.answered(1, "Why?", secret, SHOT)
    (kept,) = await scene.world.answers()
    assert (kept.question, kept.pictures) == ("Why?", 1)
    assert "pump 7 is hot" in kept.attached
    assert [(file.id, file.name, dict(file.source)) for file in kept.attachments] == [
        ("f1", "pump.log", {}),
        ("f2", "shot.png", {}),
    ]


async def test_another_answer_fetches_nothing_again_and_an_edit_drops_what_it_took_away(scene: Scene) -> None:
    async with scene.world.working():
        await scene.answered(1, "Why?", LOG, SHOT)
        await scene.world.store.change("t1", "redo")
        await scene.world.settled(1)
        assert scene.world.surface.fetched == ["f1", "f2"]
        await scene.world.store.change("t1", "redo", Edited("Why then?", (SHOT,)))
        await scene.world.settled(1)
    assert scene.world.surface.fetched == ["f1", "f2"]
    assert list(await scene.contents()) == ["f2"]
    assert "pump" not in json.dumps(scene.model.asked[-1])
    (kept,) = await scene.world.answers()
    assert [file.id for file in kept.attachments] == ["f2"]


async def test_an_edit_that_adds_a_file_is_answered_and_one_told_again_with_a_new_address_is_not(scene: Scene) -> None:
    async with scene.world.working():
        await scene.answered(1, "Why?")
        turn = await scene.world.store.turn("t1")
        assert turn
        added = Edited("Why?", (LOG,))
        assert await scene.world.store.redo("t1", turn, "ada", added)
        await scene.world.settled(1)
        signed_anew = Attachment("f1", "pump.log", source={"url": "https://cdn.example/other"})
        await scene.world.store.redo("t1", turn, "ada", Edited("Why?", (signed_anew,)))
        await scene.world.settled(1)
    assert len(scene.model.asked) == 2
    assert "pump 7 is hot" in words_of(scene.model.asked[1])


async def test_files_of_joined_messages_are_all_read_and_go_with_their_message(scene: Scene) -> None:
    store = scene.world.store
    await scene.ask(1, "Look", LOG)
    joined_one = Turn("t2", "c", "ada", "", attachments=(SHOT,))
    assert (await store.accept(joined_one, join_window_s=60)).status == "joined"
    async with scene.world.working():
        await scene.world.settled(1)
        assert words_of(scene.model.asked[0]).startswith("Look\n\n")
        assert len(pictures_of(scene.model.asked[0])) == 1
        await store.change("t2", "delete")
        await scene.world.settled(1)
    assert pictures_of(scene.model.asked[-1]) == []
    assert list(await scene.contents()) == ["f1"]


@pytest.mark.parametrize("why", [UnreadableError(say("file-gone")), PlatformAwayError("down")])
async def test_a_file_that_cannot_be_fetched_is_told_of_and_tried_again_with_the_next_answer(
    scene: Scene, why: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached, "NAP_S", 0.0)
    scene.world.surface.files["f1"] = why
    reason = why.why if isinstance(why, UnreadableError) else say("file-slow", platform="Test")
    async with scene.world.working():
        notice = await scene.answered(1, "Why?", LOG)
        assert notice == str(say("not-read", files=(say("file-unread", name="pump.log", reason=reason),)))
        assert notice in words_of(scene.model.asked[0])
        scene.world.surface.files["f1"] = b"pump 7 is hot"
        await scene.world.store.change("t1", "redo")
        await scene.world.settled(1)
    assert "pump 7 is hot" in words_of(scene.model.asked[-1])


async def test_a_file_announced_too_large_is_not_fetched_and_one_that_lies_is_stopped(client: Client) -> None:
    async with a_scene(client, RecordingModel(), attachment_max_mb=1) as scene:
        scene.world.surface.files = {"f1": b"x" * (2**20 + 1)}
        large = Attachment("f3", "large.log", size=2**30)
        async with scene.world.working():
            notice = await scene.answered(1, "Why?", LOG, large)
    reason = say("file-too-large", most=1)
    names = tuple(say("file-unread", name=name, reason=reason) for name in ("pump.log", "large.log"))
    assert notice == str(say("not-read", files=names))
    assert scene.world.surface.fetched == ["f1"]


async def test_with_reading_switched_off_nothing_is_fetched(client: Client) -> None:
    async with a_scene(client, RecordingModel(), attachment_max_mb=0) as scene, scene.world.working():
        notice = await scene.answered(1, "Why?", LOG)
        assert str(say("file-off")) in notice
        assert scene.world.surface.fetched == []


async def test_of_a_hundred_pictures_the_first_are_read_and_the_others_named(scene: Scene) -> None:
    shots = [Attachment(f"p{number}", f"p{number}.png") for number in range(100)]
    scene.world.surface.files = {shot.id: png() for shot in shots}
    async with scene.world.working():
        notice = await scene.answered(1, "Which?", *shots)
    assert len(scene.world.surface.fetched) == 10
    assert len(pictures_of(scene.model.asked[0])) == MOST_PICTURES
    assert str(say("file-too-many", most=10)) in notice
    assert len(notice) < 2_000


async def test_a_model_that_cannot_see_says_so_names_one_that_can_and_is_never_sent_pictures(client: Client) -> None:
    async with a_scene(client, RecordingModel({"words": False, "eyes": True})) as scene:
        scene.world.surface.files = {"f2": png()}
        async with scene.world.working():
            notice = await scene.answered(1, "What is this?", SHOT)
    assert notice == str(say("pictures-unseen-but-by", files=("shot.png",), model="words", other="eyes"))
    assert pictures_of(scene.model.asked[0]) == []
    assert "shot.png" in words_of(scene.model.asked[0])


async def test_another_model_is_told_truly_whether_it_sees_what_was_attached_before(client: Client) -> None:
    cannot, can = "(You cannot see these attached pictures: shot.png.)", "in their order: shot.png.)"
    async with a_scene(client, RecordingModel({"words": False, "eyes": True})) as scene:
        scene.world.surface.files = {"f2": png()}
        async with scene.world.working():
            await scene.answered(1, "What is this?", SHOT)
            book = ChannelBook(scene.world.store)
            await book.set_model("c", "eyes")
            await scene.answered(2, "And now?")
            await book.set_model("c", "words")
            await scene.world.store.change("t2", "redo")
            await scene.world.settled(2)
    first, second, third = scene.model.asked
    assert cannot in words_of(first)
    assert len(pictures_of(second, -3)) == 1
    assert can in words_of(second, -3)
    assert cannot not in words_of(second, -3)
    assert words_of(third, -3) == words_of(first)


async def test_a_server_that_does_not_tell_is_asked_once_and_believed(client: Client) -> None:
    async with a_scene(client, RecordingModel({"words": None}, blind={"words"})) as scene:
        scene.world.surface.files = {"f2": png()}
        async with scene.world.working():
            for number in (1, 2):
                notice = await scene.answered(number, "What is this?", SHOT)
                assert notice == str(say("pictures-unseen", files=("shot.png",), model="words"))
    assert [len(pictures_of(body)) for body in scene.model.asked] == [1, 0, 0]


async def test_a_picture_alone_that_nobody_can_see_is_answered_in_one_sentence(client: Client) -> None:
    async with a_scene(client, RecordingModel({"words": False})) as scene:
        scene.world.surface.files = {"f2": png()}
        async with scene.world.working():
            await scene.answered(1, "", SHOT)
    assert scene.model.asked == []
    (kept,) = await scene.world.answers()
    assert (kept.outcome, kept.answer) == ("done", str(say("pictures-unseen", files=("shot.png",), model="words")))


async def test_a_file_too_long_for_the_window_is_cut_and_both_are_told(client: Client) -> None:
    async with a_scene(client, RecordingModel()) as scene:
        scene.world.surface.files = {"f1": b"word " * 40_000}
        async with scene.world.working():
            notice = await scene.answered(1, "Sum it up", LOG)
    words = words_of(scene.model.asked[0])
    assert 10_000 < len(words) < 8192 * 3
    assert notice
    assert notice in words


async def test_the_bytes_of_few_files_are_held_at_once_and_no_other_question_waits_for_them(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, gate = set[str](), asyncio.Event()

    async def slowly(turn: Turn, file: Attachment, _: int) -> bytes:
        held.add(f"{turn.id} {file.id}")
        await gate.wait()
        return b"words"

    monkeypatch.setattr(scene.world.surface, "fetch", slowly)
    files = [Attachment(f"f{number}", f"{number}.log") for number in range(10)]
    async with scene.world.working():
        for number in range(1, 8):
            await scene.ask(number, "Why?", *files, conversation=f"c{number}")
        await until(lambda: len(held) == attached.AT_ONCE)
        await scene.answered(8, "And without files?")
        assert len(held) == attached.AT_ONCE
        assert not {f"t1 f{number}" for number in range(attached.AT_ONCE_OF_ONE, 10)} & held
        gate.set()
        await until(lambda: len(scene.model.asked) == 8)
    assert len(held) == 70


async def test_an_error_with_one_file_ends_the_reading_of_the_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, ended = asyncio.Event(), asyncio.Event()

    async def forever(_: Turn, file: Attachment, __: int) -> bytes:
        if file.id == "f2":
            await reading.wait()
            raise ValueError("unforeseen")
        reading.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return b""

    monkeypatch.setattr(scene.world.surface, "fetch", forever)
    async with scene.world.working():
        await scene.ask(1, "Why?", LOG, SHOT)
        await ended.wait()


async def test_a_worker_that_dies_while_it_reads_leaves_the_turn_to_the_next_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = asyncio.Event()
    fetch = scene.world.surface.fetch

    async def never(*_: object) -> bytes:
        reading.set()
        await asyncio.Event().wait()
        return b""

    monkeypatch.setattr(scene.world.surface, "fetch", never)
    await scene.ask(1, "Why?", LOG)
    async with scene.world.dying():
        await reading.wait()
    monkeypatch.setattr(scene.world.surface, "fetch", fetch)
    async with scene.world.working():
        await scene.world.settled(1)
    assert len(scene.model.asked) == 1
    assert len(scene.world.surface.ledger) == 1


async def test_bytes_that_no_platform_keeps_wait_in_redis_until_they_are_read(scene: Scene) -> None:
    store = scene.world.store
    turn = Turn("t1", "c", "ada", "Why?", attachments=(LOG,))
    await store.accept(turn, uploads={"f1": base64.b64encode(b"pump 8").decode()})
    assert await store.upload("t1", "f1")
    assert 0 < await store.client.ttl(f"{store.prefix}f:t1") <= 3600  # whoever ends the turn
    async with scene.world.working():
        await scene.world.settled(1)
    assert await store.upload("t1", "f1") is None


@pytest.mark.parametrize("way", ["delete", "forget author", "forget conversation", "oldest", "forget while it is read"])
async def test_contents_go_with_their_turn(scene: Scene, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, client = scene.world.store, scene.world.store.client

    async def is_last(number: int) -> bool:
        return [exchange.turn for exchange in await scene.world.answers()][-1:] == [f"t{number}"]

    async def kept() -> list[str]:
        return [key async for key in client.scan_iter(f"{store.prefix}f:*")]

    async with scene.world.working():
        if way == "forget while it is read":
            reading, gate = asyncio.Event(), asyncio.Event()

            async def slowly(*given: Any) -> Contents:
                reading.set()
                await gate.wait()
                return await read(*given)

            monkeypatch.setattr(attached, "read", slowly)
            await scene.ask(1, "Why?", LOG)
            await reading.wait()
            await Records(store).forget_author("ada")
            gate.set()
            await scene.world.settled(0)
        else:
            await scene.answered(1, "Why?", LOG, SHOT)
            assert await kept()
            assert 0 < await client.ttl(f"{store.prefix}f:t1") <= 3600
        if way == "delete":
            await store.change("t1", "delete")
            await scene.world.settled(0)
        elif way == "oldest":
            for number in (2, 3):
                await scene.ask(number, "More?")
                await until(partial(is_last, number))
        elif way == "forget author":
            await Records(store).forget_author("ada")
        elif way == "forget conversation":
            await Records(store).forget_conversation("c")
        assert await kept() == []


def test_what_was_read_is_the_same_after_redis() -> None:
    whole = Contents("ab", "words", partly=joined(say("file-gone"), say("file-too-large", most=3)))
    assert Contents.from_json(whole.to_json()) == whole
