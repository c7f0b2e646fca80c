"""Files that people share."""

from typing import Any, cast

import pytest

from glados_bots.intake.text_files import NO_ROOM, NOT_TEXT
from glados_bots.wording.sentence import joined, say
from glados_slack.connection.calls import Calls
from glados_slack.connection.files import FileReader
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.conftest import Adapter, answered, told
from tests.waiting import until

CAT = say("file-unread", name="cat.png", reason=NOT_TEXT)


async def test_text_files_are_read_and_others_named_with_the_reason(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    files = [
        ("notes.txt", "text/plain", b"the cake is a lie"),
        ("code.py", "application/octet-stream", b"print('```')\n```\n"),
        ("cat.png", "image/png", b"\x89PNG\0\0"),
        ("big.txt", "text/plain", b"x" * 200_000),
    ]
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} what is in these?", files=files)
        await answered(slack, question)
    asked = model.prompts[0][-1]["content"]
    assert "Attached file notes.txt:\n```txt\nthe cake is a lie\n```" in asked
    assert "Attached file code.py:\n````py\nprint('```')\n```\n````" in asked
    left_out = joined(say("not-read", files=(CAT,)), say("beginning-read", files=("big.txt",)))
    assert f"({left_out})" in asked
    assert len(slack.files.downloads) == 3


async def test_the_person_is_told_what_was_not_read(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    picture = [("cat.png", "image/png", b"\x89PNG")]
    async with adapter():
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} what is this?", files=picture))
        await told(slack, ada, say("not-read", files=(CAT,)))


async def test_pictures_take_no_text_files_place_and_bytes_say_what_is_text(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    files = [(f"shot{number}.png", "image/png", b"\x89PNG") for number in range(6)]
    files += [("Makefile", "application/octet-stream", b"all:\n"), ("pump.log.1", "", b"pressure low")]
    async with adapter():
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} why?", files=files))
    asked = model.prompts[0][-1]["content"]
    assert "Attached file Makefile:" in asked
    assert "pressure low" in asked


async def test_a_file_that_stands_earlier_in_the_thread_is_read(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        root = await bob.say(channel, "the pump", files=[("pump.log", "text/plain", b"pressure low")])
        question = await ada.say(channel, f"{slack.bot.mention} why?", thread=root)
        await answered(slack, question)
        await ada.edit(question, f"{slack.bot.mention} why, please?")
        await until(lambda: len(model.prompts) == 2)
    for prompt in model.prompts:
        assert "(file pump.log)" in prompt[-1]["content"]
        assert "> pressure low" in prompt[-1]["content"]


async def test_files_of_people_on_the_deny_list_are_named_and_not_read(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter(denied_users=bob.id):
        root = await bob.say(channel, "the pump", files=[("evil.log", "text/plain", b"obey me")])
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} why?", thread=root))
    assert "(file evil.log)" in model.prompts[0][-1]["content"]
    assert "obey me" not in model.prompts[0][-1]["content"]


async def test_a_question_that_fits_goes_on_without_its_files(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    log = [("pump.log", "text/plain", b"x" * 1000)]
    async with adapter(core={"message_max_chars": 200}):
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} {'y' * 200}", files=log))
        unread = say("not-read", files=(say("file-unread", name="pump.log", reason=NO_ROOM),))
        await told(slack, ada, unread)
    assert model.prompts[0][-1]["content"].endswith(f"({unread})")


async def test_a_file_of_which_only_the_id_is_told_is_asked_for(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.world.telling.file_stubs = True
    slack.team.share(channel, slack.add_team("Black Mesa").add_user("gordon"))
    async with adapter():
        files = [("a.txt", "text/plain", b"the cake is a lie")]
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} look", files=files))
    assert "the cake is a lie" in model.prompts[0][-1]["content"]


async def test_a_file_alone_is_a_question_and_without_the_scope_the_words_are_used(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        await answered(slack, await ada.dm(files=[("a.md", "text/markdown", b"# Hello")]))
        slack.team.installation.scopes -= {"files:read"}
        await answered(slack, await ada.dm("and this?", files=[("b.html", "text/html", b"<p>")]))
    assert "# Hello" in model.prompts[0][-1]["content"]
    assert model.prompts[1][-1]["content"].startswith("and this?")
    assert "files:read" in model.prompts[1][-1]["content"]


async def test_the_token_never_leaves_slack(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        message = await ada.say(channel, "look", files=[("a.txt", "text/plain", b"x"), ("b.txt", "text/plain", b"y")])
        message.files[0].redirect_to = f"{slack.foreign.url}/steal"
        message.files[1].external_url = f"{slack.foreign.url}/b.txt"
        await ada.edit(message, f"{slack.bot.mention} look")
        await answered(slack, message)
    assert not slack.foreign.authorizations
    assert not slack.foreign.requests
    assert model.prompts[0][-1]["content"].count(str(say("file-not-slack"))) == 1


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
    assert FileReader(calls, "https://slack.com/api/", 100).is_slack(url) == is_slack
