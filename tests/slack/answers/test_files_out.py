"""Files that the bot gives back: each stands once, whatever dies at an upload."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest

from glados_bots.conversation import Turn
from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_bots.surface import OutFile, PlatformAwayError, View
from glados_bots.wording.sentence import joined, say
from glados_slack.answers.answer import chunk_of
from glados_slack.answers.files_out import answer_files, left
from glados_slack.answers.files_out.notes import UploadNotes, slot_of
from glados_slack.answers.surface import SlackSurface
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.api.faults import Fault
from tests.slack.answers.test_waiting import surfaces, turn
from tests.waiting import LONGEST_S, until

__all__ = ["turn"]

ANNOUNCE, SEND, COMPLETE = "files.getUploadURLExternal", "file.upload", "files.completeUploadExternal"
STEPS = [ANNOUNCE, SEND, COMPLETE]
FILE = OutFile("answer.md", b"# All of it\n")
TABLE = OutFile("table.csv", b"a,b\n")
BEGINS = View("", "", "waiting", is_last=True)
PLAIN = View(chunk_of("all").encode(), "", "done", is_last=True)
ENDS = View(chunk_of("all").encode(), "", "done", is_last=True, files=(FILE,))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is given time."""
    monkeypatch.setattr(answer_files, "LOOK_NAP_S", 0.0)
    monkeypatch.setattr(answer_files, "GIVE_NAPS_S", (0.0,))
    monkeypatch.setattr(left, "FORGOTTEN_EVERY_S", 0.0)
    monkeypatch.setattr(left, "PAUSE_S", 0.001)


def files(slack: FakeSlack) -> list[OutFile]:
    """What stands in threads and can be opened, oldest first."""
    messages = [slack.message(record) for record in slack.answers()]
    return [OutFile(one.name, one.content) for message in messages for one in message.files if not one.is_deleted]


def exist(slack: FakeSlack) -> int:
    """How many files there are at Slack, in threads or not."""
    return len([one for one in slack.world.files.values() if not one.is_deleted])


def left_behind(slack: FakeSlack) -> list[str]:
    """Messages that show that a file was deleted, and nothing else."""
    messages = [slack.message(record) for record in slack.answers()]
    return [message.ts for message in messages if message.files and all(one.is_deleted for one in message.files)]


async def keys(client: Client) -> set[str]:
    """What is kept of uploads."""
    found = {key.rpartition("}:")[2].partition(":")[0] async for key in client.scan_iter("glados:{slack}:*")}
    return found & {"out", "uploads", "uploaded", "filling"}


async def tidied(surface: SlackSurface, client: Client) -> None:
    """Look for what is left until nothing is, but for files that stand."""

    async def is_tidy() -> bool:
        await surface.files.left.tidy()
        return "uploads" not in await keys(client)

    await until(is_tidy)


@asynccontextmanager
async def dying(surface: SlackSurface, turn: Turn) -> AsyncIterator[asyncio.Task[None]]:
    """A process at the end of an answer; it is dead after the block."""

    async def end() -> None:
        surface.answer(turn)
        await surface.edit(turn, await surface.post(turn, PLAIN, "name"), ENDS)

    task = asyncio.create_task(end())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ended(surface: SlackSurface, turn: Turn) -> str:
    """Show the end as the core does: again and again until it is shown."""
    surface.answer(turn)
    while True:
        with suppress(PlatformAwayError):
            post = await surface.post(turn, PLAIN, "name")
            await surface.edit(turn, post, ENDS)
            return post


async def test_a_file_stands_below_its_answer_with_its_bytes(
    slack: FakeSlack, settings: Settings, turn: Turn, client: Client
) -> None:
    async with surfaces(slack, settings, 1) as (surface,):
        post = await ended(surface, turn)
        await surface.edit(turn, post, ENDS)
        assert files(slack) == [FILE]
        answer, file = slack.answers()
        assert (answer.ts, file.thread_ts) == (post, turn.place["thread"])
        assert file.ts > answer.ts
        assert await keys(client) == {"out", "uploaded"}
        assert not slack.files.unfinished


@pytest.mark.parametrize("method", STEPS)
@pytest.mark.parametrize("after_commit", [False, True])
async def test_a_step_whose_answer_is_lost_leaves_one_file(
    slack: FakeSlack, settings: Settings, turn: Turn, client: Client, *, method: str, after_commit: bool
) -> None:
    lost = slack.faults.add(method=method, drop=True, after_commit=after_commit)
    async with surfaces(slack, settings, 1) as (surface,):
        await ended(surface, turn)
        assert lost.hits
        await asyncio.sleep(0)
        await _age(client)
        await tidied(surface, client)
    assert files(slack) == [FILE]
    assert exist(slack) == 1


@pytest.mark.parametrize("method", STEPS)
@pytest.mark.parametrize("when", ["never", "before", "after"])
async def test_a_process_that_dies_at_a_step_leaves_one_file_though_slack_takes_the_step_late(
    slack: FakeSlack, *, settings: Settings, turn: Turn, client: Client, method: str, when: str
) -> None:
    """Slack takes the dead process's step never, before its heir ends the answer, or afterwards."""
    is_never = when == "never"
    held = slack.faults.add(method=method, delay_s=0 if is_never else LONGEST_S, drop=is_never)
    async with surfaces(slack, settings, 2) as (dead, heir):
        async with dying(dead, turn):
            await slack.wait_for(lambda: held.hits)
        if when == "before":
            await _carried_out(slack, method)
        await ended(heir, turn)
        if when == "after":
            await _carried_out(slack, method)
        await _age(client)
        await tidied(heir, client)
    assert files(slack) == [FILE]
    assert exist(slack) == 1
    assert not left_behind(slack)


@pytest.mark.parametrize("note", ["begin", "done"])
@pytest.mark.parametrize("is_noted", [False, True])
async def test_a_process_that_dies_at_a_note_leaves_one_file(
    slack: FakeSlack, *, settings: Settings, turn: Turn, client: Client, monkeypatch: pytest.MonkeyPatch, note: str,
    is_noted: bool,
) -> None:  # fmt: skip
    async with surfaces(slack, settings, 2) as (dead, heir):
        real, died = getattr(UploadNotes, note), asyncio.Event()

        async def die(*args: object) -> None:
            if is_noted:
                await real(*args)
            died.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as patch:
            patch.setattr(UploadNotes, note, die)
            async with dying(dead, turn):
                await died.wait()
        await ended(heir, turn)
        await _age(client)
        await tidied(heir, client)
    assert files(slack) == [FILE]
    assert exist(slack) == 1
    assert not left_behind(slack)


@pytest.mark.parametrize("late_shares", [1, 2, 9])
async def test_a_file_of_which_slack_does_not_tell_yet_where_it_stands_is_not_there_twice(
    slack: FakeSlack, *, settings: Settings, turn: Turn, client: Client, late_shares: int
) -> None:
    slack.world.telling.late_shares = late_shares
    slack.faults.add(method=COMPLETE, drop=True, after_commit=True)
    async with surfaces(slack, settings, 1) as (surface,):
        await ended(surface, turn)
        await _age(client)
        await tidied(surface, client)
    assert files(slack) == [FILE]
    assert exist(slack) == 1


async def test_an_upload_whose_turn_nobody_continues_is_deleted_or_known_after_a_while(
    slack: FakeSlack, settings: Settings, turn: Turn, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a process dies that uploads a file which a person has asked for."""
    async with surfaces(slack, settings, 2) as (dead, heir):
        for method, stand in ((COMPLETE, 0), ("", 1)):
            fault = slack.faults.add(method=method or COMPLETE, drop=True, after_commit=not method)
            giving = asyncio.create_task(dead.files.give(turn, FILE))
            await slack.wait_for(partial(_hits, fault))
            giving.cancel()
            await asyncio.gather(giving, return_exceptions=True)
            await heir.files.left.tidy()
            assert "uploads" in await keys(client), "somebody may be at it"
            monkeypatch.setattr(left, "OPEN_S", 0.0)
            await _age(client)
            await tidied(heir, client)
            monkeypatch.undo()
            assert len(files(slack)) == exist(slack) == stand


async def test_several_files_stand_once_each_and_those_of_an_older_end_go(
    slack: FakeSlack, settings: Settings, turn: Turn, client: Client
) -> None:
    async with surfaces(slack, settings, 1) as (surface,):
        post = await ended(surface, turn)
        for wanted in ((FILE, TABLE), (TABLE,), (OutFile(TABLE.name, b"c\n"),), ()):
            await surface.edit(turn, post, View(ENDS.chunk, "", "done", is_last=True, files=wanted))
            assert files(slack) == list(wanted)
    assert exist(slack) == 0
    assert not left_behind(slack)
    assert await keys(client) == set()


@pytest.mark.parametrize("is_slack_away", [False, True])
async def test_the_file_goes_when_the_answer_begins_again_and_when_its_question_is_deleted(
    slack: FakeSlack, *, settings: Settings, turn: Turn, client: Client, is_slack_away: bool
) -> None:
    async with surfaces(slack, settings, 2) as (before, now):
        post = await ended(before, turn)
        if is_slack_away:
            slack.faults.add(method="files.delete", status=503)
        now.answer(turn)
        await now.edit(turn, post, BEGINS)
        await tidied(now, client)
        assert not files(slack)
        await now.edit(turn, post, ENDS)
        await before._store.accept(turn)
        await before._store.change(turn.id, "delete")
        if is_slack_away:
            slack.faults.add(method="files.delete", status=503)
        await now.remove(turn, post)
        await tidied(now, client)
    assert not files(slack)
    assert exist(slack) == 0
    assert not slack.answers()
    assert await keys(client) == set()


async def test_a_file_that_its_turn_lost_while_it_was_uploaded_does_not_stay(
    slack: FakeSlack, settings: Settings, turn: Turn, client: Client
) -> None:
    """The answer begins again in another process while this one, which is not dead, still uploads."""
    held = slack.faults.add(method=COMPLETE, delay_s=LONGEST_S)
    async with surfaces(slack, settings, 2) as (slow, now):
        giving = asyncio.create_task(slow.files.agree(turn, [FILE]))
        await slack.wait_for(lambda: held.hits)
        await now.files.take_away(turn)
        slack.clock.advance(LONGEST_S)
        with pytest.raises(PlatformAwayError):
            await giving
        await _age(client)
        await tidied(now, client)
    assert not files(slack)
    assert exist(slack) == 0


async def test_a_file_that_slack_does_not_take_is_named_and_the_answer_stays(
    slack: FakeSlack, settings: Settings, turn: Turn, client: Client
) -> None:
    refused = say("files-refused", files=(FILE.name,))
    async with surfaces(slack, settings, 1) as (surface,):
        for refuse, why in (
            (partial(slack.faults.add, method=ANNOUNCE, error="file_upload_size_restricted"), refused),
            (partial(slack.faults.add, method=SEND, status=413), refused),
            (partial(slack.faults.add, method=COMPLETE, error="posting_to_channel_denied"), refused),
            (partial(slack.team.installation.scopes.discard, "files:write"),
             joined(refused, say("slack-files-need-right"))),
        ):  # fmt: skip
            refuse()
            post = await ended(surface, turn)
            answer = slack.answers()[0]
            assert answer.content == f"all\n{why}"
            assert not files(slack)
            await surface.edit(turn, post, BEGINS)
    assert "out" not in await keys(client)


async def test_bytes_go_to_slacks_own_hosts_only(slack: FakeSlack, settings: Settings, turn: Turn) -> None:
    slack.files.upload_host = slack.foreign.url
    async with surfaces(slack, settings, 1) as (surface,):
        await ended(surface, turn)
    assert str(say("files-refused", files=(FILE.name,))) in slack.answers()[0].content
    assert not slack.foreign.requests


async def test_a_file_whose_time_is_over_is_left_alone(
    slack: FakeSlack, settings: Settings, turn: Turn, client: Client
) -> None:
    """The data of its turn has expired, as it does after GLADOS_CONVERSATION_TTL; messages and files stay."""
    async with surfaces(slack, settings, 1) as (surface,):
        await ended(surface, turn)
        await _age(client, 24 * 3600)
        async for key in client.scan_iter("*:out:*"):
            await client.delete(key)
        await surface.files.left.tidy()
        assert await keys(client) == set()
    assert files(slack) == [FILE]


def test_the_same_file_has_the_same_slot_and_another_content_another() -> None:
    assert slot_of(FILE) == slot_of(OutFile(FILE.name, FILE.content))
    assert len({slot_of(FILE), slot_of(OutFile(FILE.name, b"x")), slot_of(OutFile("b.md", FILE.content))}) == 3


async def _carried_out(slack: FakeSlack, method: str) -> None:
    """Let Slack take the step that it holds."""

    def count() -> int:
        return len(slack.files.uploaded if method == SEND else slack.ledger.requests)

    before = count()
    slack.clock.advance(LONGEST_S)
    await slack.wait_for(lambda: count() > before, what=method)


def _hits(fault: Fault) -> int:
    return fault.hits


async def _age(client: Client, seconds: float = LONGEST_S) -> None:
    """Let what is noted of uploads be older."""
    for key in ("glados:{slack}:uploads", "glados:{slack}:uploaded"):
        for file, text in (await client.hgetall(key)).items():
            noted = json.loads(text)
            await client.hset(key, file, json.dumps({**noted, "at": noted["at"] - seconds}))
