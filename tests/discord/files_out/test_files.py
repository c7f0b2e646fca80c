"""The files of an answer: on its last message, once, and gone when the answer changes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from glados_bots.conversation import Turn
from glados_bots.surface import OutFile, View
from glados_bots.wording.sentence import Sentence, joined, say
from glados_discord.answers.places import Spot
from glados_discord.run import Bot
from tests.discord.conftest import World
from tests.fakes.discord import MessageRecord, Permission

CODE = "".join(f"print({number})\n" for number in range(70))
TABLE = "| a | b |\n|---|---|\n" + "".join(f"| {number} | x |\n" for number in range(60))
ANSWER = f"Here:\n\n```python\n{CODE}```\n\n{TABLE}\nThat is all."
ONE, TWO = OutFile("code.py", b"print(1)\n"), OutFile("table.csv", b"a,b\r\n")


def files(record: MessageRecord) -> dict[str, bytes]:
    """The files that a message has now, by name."""
    found = record.revisions[-1].files
    assert len(dict(found)) == len(found)
    return dict(found)


# --- a message -------------------------------------------------------------------------------------------------------


@dataclass
class Shown:
    """A turn, and the one message of its answer."""

    world: World
    bot: Bot
    turn: Turn
    post: str = ""

    async def show(self, text: str, *out: OutFile, state: str = "done") -> MessageRecord:
        """Show it, by the first post or an edit."""
        view = View(text, "", state, is_last=True, files=out)  # type: ignore[arg-type]
        if self.post:
            await self.bot.core.surface.edit(self.turn, self.post, view)
        else:
            self.post = await self.bot.core.surface.post(self.turn, view, "mark1")
        return self.record

    @property
    def record(self) -> MessageRecord:
        (answer,) = self.world.fake.answers(self.world.channel)
        return answer


@pytest.fixture
async def shown(world: World) -> AsyncIterator[Shown]:
    async with world.bot() as bot:
        question = await world.ada.say(world.channel, "not for the bot")
        spot = Spot(str(world.channel.id), str(world.guild.id), str(question.id), "reply")
        yield Shown(world, bot, Turn(str(question.id), "c", str(world.ada.id), "hi", place=spot.to_place()))


async def test_each_edit_leaves_exactly_its_files(shown: Shown) -> None:
    assert files(await shown.show("part", state="writing")) == {}
    for out in ((ONE, TWO), (ONE, TWO), (TWO,), ()):
        assert files(await shown.show("all", *out)) == {file.name: file.content for file in out}


async def test_a_message_that_is_posted_again_has_the_files_of_now_once(shown: Shown) -> None:
    """A process that died may have posted the message; Discord gives it back for the same nonce."""
    for out in ((ONE,), (ONE,), (ONE, TWO), ()):
        shown.post = ""
        assert files(await shown.show("all", *out)) == {file.name: file.content for file in out}


@pytest.mark.parametrize(
    ("reason", "why"),
    [("permission", say("needs-permission", permission=say("permission-attach"))), ("size", say("files-too-large"))],
)
@pytest.mark.parametrize("is_first", [True, False])
async def test_where_discord_refuses_files_the_words_stay_and_say_so(
    shown: Shown, reason: str, why: Sentence, is_first: bool
) -> None:
    guild, world = shown.world.guild, shown.world.fake.world
    if not is_first:
        await shown.show("part", state="writing")
    if reason == "permission":
        guild.overwrite(shown.world.channel, guild.bot_role, deny=Permission.ATTACH_FILES)
    else:
        world.largest_file = 5
    record = await shown.show("all", ONE)
    assert record.content == f"all\n-# {joined(say('files-refused', files=('code.py',)), why)}"
    assert files(record) == {}


async def test_files_with_words_that_are_refused_go_with_them(shown: Shown) -> None:
    shown.world.guild.blocked_words.add("neurotoxin")
    record = await shown.show("free neurotoxin", OutFile("answer.md", b"free neurotoxin"))
    assert record.content == f"-# {say('blocked-moderation')}"
    assert files(record) == {}


async def test_a_refusal_for_another_reason_is_not_taken_for_one_of_the_files(shown: Shown) -> None:
    await shown.show("part", state="writing")
    fault = shown.world.fake.faults.add(method="PATCH", path="/channels/*/messages/*", status=503, times=None)
    with pytest.raises(Exception, match="not reachable"):
        await shown.show("all", ONE)
    shown.world.fake.faults.remove(fault)
    assert files(await shown.show("all", ONE)) == {"code.py": b"print(1)\n"}


# --- whole answers ---------------------------------------------------------------------------------------------------


async def test_code_and_tables_come_as_files_with_the_last_message_only(world: World) -> None:
    world.script(*(ANSWER[start : start + 300] for start in range(0, len(ANSWER), 300)))
    async with world.bot():
        answer = await world.answered(await world.ask(), "That is all.")
    assert answer.content.startswith("Here:\n\n📄 `code.py`")
    found = files(answer)
    assert found["code.py"] == CODE.encode()
    assert found["table.csv"].count(b"\r\n") == 61
    assert all(not revision.files for revision in answer.revisions[:-1])
    assert [part["type"] for row in answer.revisions[-1].components for part in row["components"]] == [2] * 4


async def test_a_long_answer_is_one_message_and_the_whole_as_the_model_wrote_it(world: World) -> None:
    text = "\n\n".join(f"Paragraph {number}: " + "lemons *are* yellow. " * 12 for number in range(40))
    world.script(*(text[start : start + 500] for start in range(0, len(text), 500)))
    async with world.bot():
        question = await world.ask()
        answer = await world.answered(question, "Paragraph 0")
    assert len(world.fake.answers(world.thread(question))) == 1
    assert files(answer) == {"answer.md": text.encode()}
    assert str(say("whole-in-file", file="answer.md")) in answer.content


@pytest.mark.parametrize("way", ["redo", "edit"])
async def test_another_answer_takes_the_old_files_away(world: World, way: str) -> None:
    world.script(ANSWER)
    async with world.bot():
        question = await world.ask()
        first = await world.answered(question, "That is all.")
        assert files(first)
        world.script("Short.")
        if way == "redo":
            await world.ada.click(world.fake.message(first), "Regenerate")
        else:
            await world.ada.edit(question, f"{world.fake.bot.mention} shorter please")
        answer = await world.answered(question, "Short.")
    assert answer.id == first.id
    assert files(answer) == {}
    assert world.fake.message(answer).attachments == []


async def test_a_deleted_question_takes_the_files_along(world: World) -> None:
    world.script(ANSWER)
    async with world.bot():
        question = await world.ask()
        await world.answered(question, "That is all.")
        await world.ada.delete(question)
        await world.until(lambda: not world.fake.answers())


async def test_forgetting_a_person_takes_their_files_away_and_nobody_elses(world: World) -> None:
    world.script(ANSWER)
    async with world.bot() as bot:
        of_ada = await world.answered(await world.ask(), "That is all.")
        of_bob = await world.answered(await world.ask(by=world.bob), "That is all.")
        await world.quiet(bot)
        forgotten = bot.core.surface.forgotten
        await forgotten.tidy()
        assert files(of_ada) == files(of_bob)
        await bot.core.commands.forget(str(world.ada.id))
        await forgotten.tidy()
        assert (files(of_ada), of_ada.content.startswith("Here:")) == ({}, True)
        assert files(of_bob)
        requests = len(world.fake.ledger.requests)
        await forgotten.tidy()
        assert len(world.fake.ledger.requests) == requests
        assert list(await bot.core.store.client.hgetall(f"{bot.core.store.prefix}filed")) != []


async def test_files_whose_time_is_over_stay_as_their_message_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.script(ANSWER)
    async with world.bot() as bot:
        answer = await world.answered(await world.ask(), "That is all.")
        await world.quiet(bot)
        monkeypatch.setattr(bot.core.surface.forgotten, "_keep_s", 0)
        await bot.core.commands.forget(str(world.ada.id))
        await bot.core.surface.forgotten.tidy()
        assert files(answer)
        assert not await bot.core.store.client.exists(f"{bot.core.store.prefix}filed")
