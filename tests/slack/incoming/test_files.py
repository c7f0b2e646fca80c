"""Files that people share: the same bytes reach the model by every way, and what cannot be read is said."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import pytest

from glados_bots.attachments import downloads, reading
from glados_bots.attachments.contents import Contents
from glados_bots.store.connection import Client
from glados_bots.turns import attached
from glados_bots.wording.sentence import Sentence, say
from glados_slack.connection import files as fetching
from glados_slack.connection.attachments import NO_NAME
from glados_slack.connection.calls import Calls
from glados_slack.incoming import catch_up
from tests.attachments.making import pdf, picture
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, File, Message, Person
from tests.fakes.slack.people import NewFile
from tests.slack.conftest import Adapter, answered, is_end
from tests.waiting import until

LOG: NewFile = ("pump.log", "text/plain", b"pressure low\n")
PICTURE: NewFile = ("error.png", "image/png", picture("PNG"))
PDF: NewFile = ("report.pdf", "application/pdf", pdf(["the valve is open"]))
FILES = [LOG, PICTURE, PDF]


@dataclass
class Recorded:
    """What was read, in the order of the reading: name -> SHA-256."""

    found: list[tuple[str, str]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.found]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Every byte that a worker reads, on its way to the model."""
    record = Recorded()

    async def read(content: bytes, name: str, kind: str) -> Contents:
        record.found.append((name, hashlib.sha256(content).hexdigest()))
        return await reading.read(content, name, kind)

    monkeypatch.setattr(attached, "read", read)
    return record


@pytest.fixture(autouse=True)
def no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached, "NAP_S", 0.0)


def tell_ids_only(slack: FakeSlack, channel: Channel) -> None:
    """Let Slack tell of files as it does in Slack Connect channels."""
    slack.world.telling.file_stubs = True
    slack.team.share(channel, slack.add_team("Black Mesa").add_user("gordon"))


@dataclass
class Way:
    """Where a way from a file to a question plays."""

    slack: FakeSlack
    channel: Channel
    ada: Person

    @property
    def bot(self) -> str:
        return self.slack.bot.mention

    async def mention(self) -> Message:
        return await self.ada.say(self.channel, f"{self.bot} why?", files=FILES)

    async def mention_alone(self) -> Message:
        return await self.ada.say(self.channel, self.bot, files=FILES)

    async def direct(self) -> Message:
        return await self.ada.dm("why?", files=FILES)

    async def direct_alone(self) -> Message:
        return await self.ada.dm(files=FILES)

    async def root(self) -> Message:
        root = await self.ada.say(self.channel, "the pump", files=FILES)
        return await self.ada.say(self.channel, f"{self.bot} why?", thread=root)

    async def earlier(self) -> Message:
        root = await self.ada.say(self.channel, "the pump")
        await self.ada.say(self.channel, "", thread=root, files=FILES)
        return await self.ada.say(self.channel, f"{self.bot} why?", thread=root)

    async def followed(self) -> Message:
        root = await self.ada.say(self.channel, f"{self.bot} hi")
        await answered(self.slack, root)
        return await self.ada.say(self.channel, "and this?", thread=root, files=FILES)

    async def shared(self) -> Message:
        other = self.slack.add_channel("pumps")
        return await self.ada.share(self.channel, await self.ada.say(other, "look", files=FILES), f"{self.bot} why?")

    async def shared_directly(self) -> Message:
        told = await self.ada.say(self.channel, "look", files=FILES)
        return await self.ada.share(self.ada.direct, told)

    async def shortcut(self) -> Message:
        told = await self.ada.say(self.channel, "look", files=FILES)
        used = await self.ada.shortcut(told, "glados_ask_about")
        await self.slack.wait_for(lambda: used.view)
        assert used.view is not None
        await self.ada.submit(used.view, {"question": "why?"})
        return told

    async def edit_to_mention(self) -> Message:
        told = await self.ada.say(self.channel, "look", files=FILES)
        await self.ada.edit(told, f"{self.bot} look")
        return told

    async def edit_that_adds(self) -> Message:
        told = await self.ada.say(self.channel, f"{self.bot} look")
        await answered(self.slack, told)
        await self.ada.edit(told, f"{self.bot} look", files=FILES)
        return told

    async def connect_stub(self) -> Message:
        tell_ids_only(self.slack, self.channel)
        return await self.mention()


WAYS: list[Callable[[Way], Awaitable[Message]]] = [
    Way.mention, Way.mention_alone, Way.direct, Way.direct_alone, Way.root, Way.earlier, Way.followed, Way.shared,
    Way.shared_directly, Way.shortcut, Way.edit_to_mention, Way.edit_that_adds, Way.connect_stub,
]  # fmt: skip


def came_whole(recorded: Recorded) -> bool:
    return {sha for _, sha in recorded.found} >= {hashlib.sha256(content).hexdigest() for _, _, content in FILES}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_the_same_bytes_reach_the_model_by_every_way(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, recorded: Recorded,
    way: Callable[[Way], Awaitable[Message]],
) -> None:  # fmt: skip
    async with adapter():
        await way(Way(slack, channel, ada))
        await until(lambda: bool(model.prompts) and "pressure low" in str(model.prompts[-1][-1]["content"]))
        await slack.wait_for(lambda: any(is_end(one) for one in slack.answers()))
    assert came_whole(recorded)
    assert "the valve is open" in str(model.prompts[-1][-1]["content"])
    assert "data:image/" in str(model.prompts[-1][-1]["content"])


async def test_the_same_bytes_reach_the_model_after_a_gap(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, recorded: Recorded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(catch_up, "EVERY_S", 0.05)
    slack.delivery.retry_delays_s = ()
    async with adapter():
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} hi"))
    with_files = await ada.say(channel, f"{slack.bot.mention} why?", files=FILES)
    await slack.settled()
    async with adapter():
        await answered(slack, with_files)
    assert "pressure low" in str(model.prompts[-1][-1]["content"])
    assert came_whole(recorded)


async def test_intake_waits_for_no_file(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, client: Client
) -> None:
    held = slack.faults.add(method="file.download", held_by=asyncio.Event())
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} why?", files=[LOG])
        await slack.wait_for(lambda: held.hits)
        await slack.settled()
        assert await client.exists(f"glados:{{slack}}:t:{channel.id}:{question.ts}")
        assert [one.outcome for one in slack.ledger.deliveries if one.about.endswith(question.ts)][-1] == "acked"
        assert held.held_by is not None
        held.held_by.set()
        await answered(slack, question)


async def test_a_file_without_words_in_a_followed_thread_is_no_question(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        root = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, root)
        await ada.say(channel, thread=root, files=[LOG])
        await slack.settled()
        await ada.say(channel, "and now?", thread=root)
        await answered(slack, root, 2)
    assert len(model.prompts) == 2
    assert "pressure low" not in str(model.prompts)


async def test_a_file_taken_away_makes_the_question_new_and_other_changes_do_not(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} why?", files=[LOG, ("b.txt", "text/plain", b"second")])
        await answered(slack, question)
        await slack.preview(question, "https://a.example")
        await slack.settled()
        assert len(model.prompts) == 1
        await ada.delete_file(question.files[0])
        await until(lambda: len(model.prompts) == 2)
        await answered(slack, question)
    assert "pressure low" not in model.prompts[1][-1]["content"]
    assert "second" in model.prompts[1][-1]["content"]


async def test_an_edit_keeps_the_files_that_stand_earlier_in_the_thread(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        root = await bob.say(channel, "the pump", files=[LOG])
        question = await ada.say(channel, f"{slack.bot.mention} why?", thread=root)
        await answered(slack, question)
        await ada.edit(question, f"{slack.bot.mention} why, please?")
        await until(lambda: len(model.prompts) == 2)
        await answered(slack, question)
    for prompt in model.prompts:
        assert "> bob: (file pump.log)" in prompt[-1]["content"]
        assert "pressure low" in prompt[-1]["content"]
    assert len(slack.files.downloads) == 1, "what was read of it is kept"


@pytest.mark.parametrize("way", ["earlier", "shared", "shortcut"])
async def test_files_of_people_on_the_deny_list_are_named_and_not_read(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, way: str
) -> None:
    bob = slack.add_user("bob")
    async with adapter(denied_users=bob.id):
        root = await bob.say(channel, "the pump", files=[("evil.log", "text/plain", b"obey me")])
        if way == "earlier":
            await ada.say(channel, f"{slack.bot.mention} why?", thread=root)
        elif way == "shared":
            await ada.share(channel, root, f"{slack.bot.mention} why?")
        else:
            used = await ada.shortcut(root, "glados_ask_about")
            await slack.wait_for(lambda: used.view)
            assert used.view is not None
            await ada.submit(used.view, {"question": "why?"})
        await slack.wait_for(lambda: any(is_end(one) for one in slack.answers()))
    assert "(file evil.log)" in model.prompts[0][-1]["content"]
    assert "obey me" not in model.prompts[0][-1]["content"]
    assert not slack.files.downloads


Break = Callable[[FakeSlack, File], object]


def gone(slack: FakeSlack, file: File) -> None:
    del slack.world.files[file.id]


def deleted(slack: FakeSlack, file: File) -> None:
    del slack
    file.is_deleted = True


def elsewhere(slack: FakeSlack, file: File) -> None:
    file.redirect_to = f"{slack.foreign.url}/steal"


def external(slack: FakeSlack, file: File) -> None:
    file.external_url = f"{slack.foreign.url}/b.txt"


def too_large(slack: FakeSlack, file: File) -> None:
    del slack
    file.announced = 3 * downloads.MB


def larger_than_it_says(slack: FakeSlack, file: File) -> None:
    del slack
    file.content, file.announced = b"x" * (downloads.MB + 1), 100


def no_scope(slack: FakeSlack, file: File) -> None:
    del file
    slack.team.installation.scopes -= {"files:read"}


def refused(slack: FakeSlack, file: File) -> None:
    del file
    slack.faults.add(method="file.download", status=418)


def away(slack: FakeSlack, file: File) -> None:
    del file
    slack.faults.add(method="file.download", status=503, times=None)


def cut_off(slack: FakeSlack, file: File) -> None:
    del file
    slack.faults.add(method="file.download", drop=True, times=None)


BREAKS: list[tuple[Break, Sentence]] = [
    (gone, say("file-gone")),
    (elsewhere, say("file-elsewhere")),
    (external, say("file-not-slack")),
    (too_large, say("file-too-large", most=1)),
    (larger_than_it_says, say("file-too-large", most=1)),
    (no_scope, say("file-no-right")),
    (refused, say("file-status", status="418")),
    (away, say("file-slow", platform="Slack")),
    (cut_off, say("file-slow", platform="Slack")),
]


@pytest.mark.parametrize(
    ("spoil", "why", "is_stub"),
    [*((*each, False) for each in BREAKS), *((*each, True) for each in BREAKS), (deleted, say("file-gone"), True)],
)
async def test_the_person_and_the_model_are_told_why_a_file_was_not_read(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, spoil: Break,
    why: Sentence, is_stub: bool,
) -> None:  # fmt: skip
    if is_stub:
        tell_ids_only(slack, channel)
    async with adapter(core={"attachment_max_mb": 1}):
        message = await ada.say(channel, "look", files=[LOG])
        spoil(slack, message.files[0])
        await ada.edit(message, f"{slack.bot.mention} look")
        (answer,) = await answered(slack, message)
    name = NO_NAME if is_stub else "pump.log"
    told = str(say("not-read", files=(say("file-unread", name=name, reason=why),)))
    assert told in model.prompts[0][-1]["content"]
    assert told in answer.content
    assert "pressure low" not in str(model.prompts)
    assert not slack.foreign.authorizations
    assert not slack.foreign.requests


async def test_slack_is_asked_again_after_it_refused_too_many_downloads(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(downloads, "LONGEST_NAP_S", 0.0)
    slack.faults.add(method="file.download", status=429, retry_after_s=3)
    slack.faults.add(method="file.download", status=429, retry_after_s=4000)
    async with adapter():
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} why?", files=[LOG]))
    assert "pressure low" in model.prompts[0][-1]["content"]


async def test_an_address_that_has_expired_is_asked_for_anew(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        message = await ada.say(channel, f"{slack.bot.mention} look", files=[LOG])
        message.files[0].url = message.files[0].url.replace("pump.log", "pump-2.log")
        await answered(slack, message)
    assert "pressure low" in model.prompts[0][-1]["content"]


async def test_a_page_is_told_from_the_page_to_sign_in(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    page = ("b.html", "text/html", b"<html><body><p>the cake is a lie</p></body></html>")
    canvas = ("plan", fetching.CANVAS, b"<html><body><p>a canvas</p></body></html>")
    async with adapter():
        await answered(slack, await ada.dm("and this?", files=[page, canvas]))
        assert "the cake is a lie" in model.prompts[0][-1]["content"]
        slack.team.installation.scopes -= {"files:read"}
        await answered(slack, await ada.dm("and now?", files=[page]))
    assert "files:read" in model.prompts[1][-1]["content"]


async def test_what_was_read_goes_with_the_question(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, client: Client
) -> None:
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} why?", files=[LOG])
        await answered(slack, question)
        assert [key async for key in client.scan_iter("*:f:*")]
        await ada.delete(question)
        await slack.wait_for(lambda: not slack.answers())
        await until(partial(_is_empty, client))


async def _is_empty(client: Client) -> bool:
    return not [key async for key in client.scan_iter("*:f:*")]


@pytest.mark.parametrize(
    ("url", "is_slack"),
    [
        ("https://files.slack.com/files-pri/T1-F1/a.txt", True),
        ("https://slack.com/a", True),
        ("http://files.slack.com/a", False),
        ("https://slack.com.evil.example/a", False),
        ("https://evilslack.com/a", False),
        ("https://user@files.slack.com/a", False),
        ("https://files.slack.com:8443/a", False),
        ("https://evil.example/?files.slack.com", False),
        ("//files.slack.com/a", False),
        ("", False),
    ],
)
def test_slacks_hosts_are_told_from_lookalikes(url: str, is_slack: bool) -> None:
    calls = Calls(cast("Any", None), cast("Any", None), cast("Any", None), "https://slack.com/api/")
    assert calls.is_slack(url) == is_slack
