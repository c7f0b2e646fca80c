"""Votes on answers and edits of sent questions on the page, over HTTP."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_web.app import create_app
from glados_web.chats import new_conversation
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.conftest import english
from tests.web.test_http import ask, events


async def answered(visitor: httpx.AsyncClient, text: str = "Speak") -> tuple[str, str]:
    conversation = new_conversation()
    turn = await ask(visitor, conversation, text)
    await events(visitor, conversation, turn)
    return conversation, turn


async def vote(visitor: httpx.AsyncClient, conversation: str, turn: str, how: object) -> httpx.Response:
    return await visitor.post(f"/c/{conversation}/turns/{turn}/vote", json={"vote": how})


async def edit(visitor: httpx.AsyncClient, conversation: str, turn: str, text: object) -> httpx.Response:
    return await visitor.post(f"/c/{conversation}/turns/{turn}/edit", json={"text": text})


async def pressed(visitor: httpx.AsyncClient, conversation: str) -> list[str]:
    """The votes that the page shows."""
    page = (await visitor.get(f"/c/{conversation}")).text
    return re.findall(r'data-vote="(\w+)" aria-pressed="true"', page)


async def test_a_vote_is_kept_changed_and_withdrawn(visitor: httpx.AsyncClient, client: Client) -> None:
    conversation, turn = await answered(visitor)
    for how, shown in (("up", ["up"]), ("up", ["up"]), ("down", ["down"]), ("", [])):
        assert (await vote(visitor, conversation, turn, how)).json() == {"vote": how}
        assert await pressed(visitor, conversation) == shown
        assert [*(await client.hgetall(f"glados:{{web}}:v:{turn}")).values()] == shown


async def test_another_answer_has_no_votes(visitor: httpx.AsyncClient) -> None:
    conversation, turn = await answered(visitor)
    await vote(visitor, conversation, turn, "up")
    await visitor.post(f"/c/{conversation}/turns/{turn}/redo", json={})
    await events(visitor, conversation, turn)
    assert await pressed(visitor, conversation) == []


async def test_only_an_answer_that_has_ended_takes_a_vote(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    model.gate.clear()
    conversation = new_conversation()
    turn = await ask(visitor, conversation, "Speak")
    await model.reached.wait()
    response = await vote(visitor, conversation, turn, "up")
    assert (response.status_code, response.json()["error"]) == (409, english("no-vote-yet"))
    model.gate.set()


@pytest.mark.parametrize("how", ["sideways", None, ["up"], 1])
async def test_a_vote_that_is_none_is_refused(visitor: httpx.AsyncClient, how: object) -> None:
    conversation, turn = await answered(visitor)
    assert (await vote(visitor, conversation, turn, how)).status_code == 400
    assert await pressed(visitor, conversation) == []


async def test_an_edited_question_is_answered_anew_in_its_place(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    conversation, turn = await answered(visitor, "Wat is this?")
    await events(visitor, conversation, await ask(visitor, conversation, "And that?", "k2"))
    model.pieces = ["Another ", "answer"]
    assert (await edit(visitor, conversation, turn, "\nWhat is this?\n")).json() == {
        "status": "queued",
        "text": "What is this?",
    }
    assert (await events(visitor, conversation, turn))[-1]["markdown"] == "Another answer"
    assert model.prompts[-1][-1]["content"] == "What is this?"
    page = (await visitor.get(f"/c/{conversation}")).text
    asked = re.findall(r"You asked: </span>([^<]+)<", page)
    assert asked == ["What is this?", "And that?"], "later questions stay"


async def test_the_same_words_again_change_nothing(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    conversation, turn = await answered(visitor)
    assert (await edit(visitor, conversation, turn, "Speak\n")).json()["status"] == "unchanged"
    assert len(model.prompts) == 1
    assert (await events(visitor, conversation, turn))[-1]["markdown"] == "Hello **world**!"


@pytest.mark.parametrize(
    ("text", "status", "sentence"),
    [
        (" \n", 400, english("page-message-empty")),
        ("x" * 2001, 413, english("page-too-long", length=2001, most=2000)),
        (7, 400, english("page-message-empty")),
    ],
)
async def test_an_edit_that_asks_nothing_or_too_much_is_refused(
    visitor: httpx.AsyncClient, text: object, status: int, sentence: str
) -> None:
    conversation, turn = await answered(visitor)
    response = await edit(visitor, conversation, turn, text)
    assert (response.status_code, response.json()["error"]) == (status, sentence)


@pytest.fixture
async def limited(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor with two questions per minute."""
    app = create_app(settings.model_copy(update={"limit_user_per_minute": 2}))
    async with running(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as visitor:
        await visitor.get("/")
        yield visitor


async def test_an_edit_counts_as_a_question_and_a_refused_one_leaves_all_as_it_was(
    limited: httpx.AsyncClient, model: ScriptedModel
) -> None:
    conversation, turn = await answered(limited, "One")
    assert (await edit(limited, conversation, turn, "Two")).status_code == 200
    await events(limited, conversation, turn)
    assert (await edit(limited, conversation, turn, "Three")).status_code == 429
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["One", "Two"]
    page = (await limited.get(f"/c/{conversation}")).text
    assert "Two" in page
    assert "Three" not in page


async def test_the_page_shows_the_new_words_while_the_model_writes(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    conversation, turn = await answered(visitor, "Old words")
    model.gate.clear()
    await edit(visitor, conversation, turn, "New words")
    page = (await visitor.get(f"/c/{conversation}")).text
    assert re.findall(r"You asked: </span>([^<]+)<", page) == ["New words"]
    model.gate.set()
