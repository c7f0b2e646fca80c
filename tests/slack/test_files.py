"""Files that people share: case 29."""

import aiohttp
import pytest

from glados_slack.files import FileReader
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.conftest import Adapter, answered


async def test_29_text_files_are_read_and_others_named_with_the_reason(
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
    assert "The file cat.png was not read: it is not a text file." in asked
    assert "The file big.txt was not read: it is larger than 100 KB." in asked
    assert len(slack.files.downloads) == 2


async def test_29_a_file_alone_is_a_question_and_without_the_scope_the_words_are_used(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        await answered(slack, await ada.dm(files=[("a.md", "text/markdown", b"# Hello")]))
        slack.team.installation.scopes -= {"files:read"}
        await answered(slack, await ada.dm("and this?", files=[("b.html", "text/html", b"<p>")]))
    assert "# Hello" in model.prompts[0][-1]["content"]
    assert model.prompts[1][-1]["content"].startswith("and this?")
    assert "files:read" in model.prompts[1][-1]["content"]


async def test_29_the_token_never_leaves_slack(
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
    assert model.prompts[0][-1]["content"].count("does not lie on Slack") == 2


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
async def test_29_slacks_hosts_are_told_from_lookalikes(url: str, is_slack: bool) -> None:
    async with aiohttp.ClientSession() as session:
        assert FileReader(session, "https://slack.com/api/", 100).is_slack(url) == is_slack
