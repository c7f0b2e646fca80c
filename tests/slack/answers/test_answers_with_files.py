"""Long answers, code and tables come as files, and so does any answer that somebody wants as one."""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from glados_bots.operations.privacy import Subject, forget
from glados_bots.settings import Settings
from glados_bots.store.connection import Client, connect
from glados_bots.store.store import Store
from glados_bots.surface import OutFile
from glados_bots.wording.sentence import joined, say
from glados_slack.answers.files_out import answer_files, left
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Message, Person
from tests.slack.answers.test_files_out import COMPLETE, exist, files, keys, left_behind
from tests.slack.conftest import Adapter, answered, is_end, kept, labels, told, without_files
from tests.slack.connection.test_processes import Start, glados
from tests.waiting import until

__all__ = ["glados"]

REDO, FILE = "glados_redo", "glados_file"
LONG = "\n\n".join(f"{number}: the cake is a **lie**. " + "So is this line. " * 40 for number in range(50))
CODE = "Here:\n\n```python\n" + "".join(f"print({number})\n" for number in range(61)) + "```\n"
TABLE = "| a | b |\n| --- | --- |\n" + "".join(f"| {number} | x |\n" for number in range(150))


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks often for what is left, and gives nobody time."""
    monkeypatch.setattr(left, "EVERY_S", 0.05)
    monkeypatch.setattr(left, "FORGOTTEN_EVERY_S", 0.0)
    monkeypatch.setattr(left, "PAUSE_S", 0.05)
    monkeypatch.setattr(answer_files, "LOOK_NAP_S", 0.0)


async def asked(slack: FakeSlack, ada: Person, channel: Channel) -> Message:
    """A question whose long answer stands."""
    question = await ada.say(channel, f"{slack.bot.mention} all of it?")
    await answered(slack, question)
    await slack.wait_for(lambda: files(slack) == [OutFile("answer.md", LONG.encode())])
    return question


async def test_what_is_too_long_for_messages_comes_as_files(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        for text in (LONG, CODE, TABLE):
            model.pieces = [text[:100], text[100:]]
            question = await ada.say(channel, f"{slack.bot.mention} all of it?")
            await answered(slack, question)
            await slack.wait_for(partial(_has_two, slack, question))
    whole, code, table = files(slack)
    assert whole == OutFile("answer.md", LONG.encode())
    assert (code.name, code.content.decode()) == ("code.py", "".join(f"print({number})\n" for number in range(61)))
    rows = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert (table.name, rows) == ("table.csv", [["a", "b"], *([str(number), "x"] for number in range(150))])
    said = [one.content for one in slack.answers() if one.content]
    assert str(say("whole-in-file", file="answer.md")) in said[0]
    assert "code.py" in said[1]
    assert "table.csv" in said[2]
    assert len(slack.ledger.calls("files.getUploadURLExternal")) == 3


def _has_two(slack: FakeSlack, question: Message) -> bool:
    return len(slack.answers(thread=question)) == 2


async def regenerated(slack: FakeSlack, ada: Person, question: Message) -> None:
    await ada.click(slack.message(without_files(slack, question)[-1]), REDO)


async def edited(slack: FakeSlack, ada: Person, question: Message) -> None:
    await ada.edit(question, f"{slack.bot.mention} in short?")


@pytest.mark.parametrize("change", [regenerated, edited])
async def test_the_old_file_goes_with_the_old_answer(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, client: Client,
    change: Callable[[FakeSlack, Person, Message], Awaitable[None]],
) -> None:  # fmt: skip
    model.pieces = [LONG]
    async with adapter():
        question = await asked(slack, ada, channel)
        await kept(client, 1)
        model.pieces = ["short"]
        await change(slack, ada, question)
        await slack.wait_for(lambda: "short" in slack.answers(thread=question)[-1].content)
        await until(lambda: _without(client, "uploads", "out", "uploaded"))
        (answer,) = await answered(slack, question)
    assert answer.content == "short"
    assert exist(slack) == 0
    assert not left_behind(slack)


async def test_the_file_goes_with_its_question(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, client: Client
) -> None:
    model.pieces = [LONG]
    async with adapter():
        question = await asked(slack, ada, channel)
        await ada.delete(question)
        await slack.wait_for(lambda: not slack.answers())
        await until(lambda: _without(client, "uploads", "out", "uploaded"))
    assert exist(slack) == 0


@pytest.mark.parametrize("while_it_runs", [True, False])
async def test_the_file_goes_when_its_person_is_forgotten(
    slack: FakeSlack, *, adapter: Adapter, settings: Settings, channel: Channel, ada: Person, model: ScriptedModel,
    client: Client, while_it_runs: bool,
) -> None:  # fmt: skip
    """The operator's `privacy forget` knows nothing of Slack: the app deletes the file, now or when it starts."""
    store = Store(connect(settings.resolved_redis_url), "slack", ttl=3600, max_exchanges=10)
    model.pieces = [LONG]
    async with adapter():
        await asked(slack, ada, channel)
        await kept(client, 1)
        if while_it_runs:
            await forget(store, Subject(author=ada.id))
            await slack.wait_for(lambda: not exist(slack))
    if not while_it_runs:
        await forget(store, Subject(author=ada.id))
        assert "out" not in await keys(client), "nothing names the person or the question"
        async with adapter():
            await slack.wait_for(lambda: not exist(slack))
    await store.client.aclose()
    assert not files(slack)
    assert not left_behind(slack)
    async with adapter():
        await until(lambda: _without(client, "uploads", "out", "uploaded"))
    assert not [key async for key in client.scan_iter("*") if ada.id in key]


async def test_any_answer_comes_as_a_file_once_however_often_that_is_pressed(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, client: Client
) -> None:
    model.pieces = ["**Hello** ", "`world`\r\n* a"]
    bob = slack.add_user("bob")
    async with adapter(), adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        await kept(client, 1)
        for person in (ada, bob, ada):
            await person.click(slack.message(answer), FILE)
        await slack.wait_for(lambda: files(slack) == [OutFile("answer.md", b"**Hello** `world`\r\n* a")])
        await until(lambda: _without(client, "filling"))
        looks = len(slack.ledger.calls("files.info"))
        await ada.click(slack.message(answer), FILE)
        await slack.wait_for(lambda: len(slack.ledger.calls("files.info")) > looks)
        await until(lambda: _without(client, "filling"))
        assert len(files(slack)) == exist(slack) == 1
        (file,) = [one for one in slack.answers() if one.revisions[-1].files]
        assert file.thread_ts == question.ts
        # A person with the right to do so deletes it, and wants it again.
        next(iter(slack.world.files.values())).is_deleted = True
        await ada.click(slack.message(answer), FILE)
        await slack.wait_for(lambda: len(files(slack)) == 1)
        await ada.click(slack.message(answer), REDO)
        await slack.wait_for(lambda: not files(slack))
        await answered(slack, question)
    assert exist(slack) == 0


async def test_a_file_that_the_answer_has_anyway_is_not_offered(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    model.pieces = [LONG]
    async with adapter():
        question = await asked(slack, ada, channel)
        assert FILE not in labels(without_files(slack, question)[-1])
        model.pieces = [CODE]
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        assert FILE in labels(answer)


async def test_who_cannot_have_the_file_is_told_why(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, client: Client
) -> None:
    async with adapter():
        (answer,) = await answered(slack, await ada.say(channel, f"{slack.bot.mention} hi"))
        await kept(client, 1)
        slack.team.installation.scopes -= {"files:write"}
        await ada.click(slack.message(answer), FILE)
        why = joined(say("files-refused", files=("answer.md",)), say("slack-files-need-right"))
        await told(slack, ada, why)
        slack.team.installation.scopes |= {"files:write"}
        model.gate.clear()
        await ada.click(slack.message(answer), REDO)
        await slack.wait_for(lambda: "glados_stop" in labels(answer))
    async with adapter(denied_users=ada.id):
        model.gate.set()
        await slack.wait_for(lambda: is_end(answer))
        await ada.click(slack.message(answer), FILE)
        await told(slack, ada, say("not-for-you"))
    async for key in client.scan_iter("*"):
        await client.delete(key)
    async with adapter():
        await ada.click(slack.message(answer), FILE)
        await told(slack, ada, say("too-old"))
    assert not files(slack)


@pytest.mark.parametrize("after_commit", [False, True])
async def test_kill_9_at_an_upload_leaves_one_file(
    slack: FakeSlack, *, glados: Start, channel: Channel, ada: Person, model: ScriptedModel, after_commit: bool
) -> None:
    model.pieces = [LONG]
    lost = slack.faults.add(method=COMPLETE, drop=True, after_commit=after_commit)
    held = slack.faults.add(method="files.info", held_by=asyncio.Event(), drop=True)
    async with glados() as process:
        question = await ada.say(channel, f"{slack.bot.mention} all of it?")
        await slack.wait_for(lambda: lost.hits and held.hits)
        process.kill()
        await process.wait()
    assert held.held_by is not None
    held.held_by.set()
    async with glados():
        await answered(slack, question)
        await slack.wait_for(lambda: files(slack) == [OutFile("answer.md", LONG.encode())])
    assert exist(slack) == 1
    assert not left_behind(slack)


async def _without(client: Client, *names: str) -> bool:
    return not await keys(client) & set(names)
