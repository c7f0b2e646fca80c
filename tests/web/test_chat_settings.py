"""The model and the persona of a chat on the page, over HTTP."""

from typing import Any

import httpx
import pytest

from glados_bots.settings import Settings
from glados_bots.store.channels import LONGEST_PERSONA
from glados_web.app import create_app
from glados_web.chats import new_conversation
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import free_port, running
from tests.web.conftest import english
from tests.web.test_http import ask, events


async def settings_of(visitor: httpx.AsyncClient, conversation: str) -> dict[str, Any]:
    response = await visitor.get(f"/c/{conversation}/settings")
    assert response.status_code == 200, response.text
    return dict(response.json())


async def choose(visitor: httpx.AsyncClient, conversation: str, field: str, value: object) -> httpx.Response:
    return await visitor.post(f"/c/{conversation}/{field}", json={field: value})


async def test_a_chat_without_a_question_yet_may_have_a_model_and_a_persona(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    conversation = new_conversation()
    nothing = {"models": [{"name": "scripted", "sees": False}], "model": "", "persona": "", "problem": ""}
    assert await settings_of(visitor, conversation) == nothing
    told = await choose(visitor, conversation, "model", "scripted")
    assert told.json() == {"told": english("model-set", model="scripted")}
    told = await choose(visitor, conversation, "persona", "  You are a pirate.\n")
    assert told.json() == {"told": english("persona-set")}
    found = await settings_of(visitor, conversation)
    assert (found["model"], found["persona"]) == ("scripted", "You are a pirate.")
    await events(visitor, conversation, await ask(visitor, conversation, "Who are you?"))
    assert "You are a pirate." in model.prompts[0][0]["content"]
    assert "Who are you?" in (await visitor.get(f"/c/{conversation}")).text  # the title is the first question


async def test_empty_values_restore_the_defaults(visitor: httpx.AsyncClient) -> None:
    conversation = new_conversation()
    for field, value in (("model", "scripted"), ("persona", "Brief"), ("model", ""), ("persona", " ")):
        response = await choose(visitor, conversation, field, value)
    assert response.json() == {"told": english("persona-unset")}
    found = await settings_of(visitor, conversation)
    assert (found["model"], found["persona"]) == ("", "")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("model", "gpt-99", english("no-such-model", model="gpt-99", models=("`scripted`",))),
        ("persona", "x" * (LONGEST_PERSONA + 1), english("persona-too-long", length=4001, most=LONGEST_PERSONA)),
        ("persona", "x" + "\u0301" * 40, english("persona-marks", most=32)),
        ("persona", ["x"], english("page-not-json", form='{"persona": "..."}')),
        ("model", None, english("page-not-json", form='{"model": "..."}')),
    ],
)
async def test_what_cannot_be_chosen_is_refused_and_changes_nothing(
    visitor: httpx.AsyncClient, field: str, value: object, sentence: str
) -> None:
    conversation = new_conversation()
    response = await choose(visitor, conversation, field, value)
    assert (response.status_code, response.json()["error"]) == (400, sentence)
    found = await settings_of(visitor, conversation)
    assert (found["model"], found["persona"]) == ("", "")


async def test_the_persona_can_be_chosen_while_the_model_is_away(settings: Settings) -> None:
    away = settings.model_copy(update={"inference_url": f"http://127.0.0.1:{free_port()}/v1"})
    async with (
        running(create_app(away)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as visitor,
    ):
        await visitor.get("/")
        conversation = new_conversation()
        found = await settings_of(visitor, conversation)
        assert found["models"] == []
        assert found["problem"] == english("model-list-unreachable")
        assert (await choose(visitor, conversation, "model", "scripted")).status_code == 502
        assert (await choose(visitor, conversation, "persona", "Brief")).status_code == 200


async def test_another_browser_neither_sees_nor_changes_them(visitor: httpx.AsyncClient, site: str) -> None:
    conversation = new_conversation()
    await choose(visitor, conversation, "persona", "A secret")
    async with httpx.AsyncClient(base_url=site, trust_env=False) as other:
        await other.get("/")
        assert (await other.get(f"/c/{conversation}/settings")).status_code == 404
        assert (await choose(other, conversation, "persona", "Mine")).status_code == 404
    assert (await settings_of(visitor, conversation))["persona"] == "A secret"


async def test_a_browser_that_has_not_seen_the_page_chooses_nothing(site: str) -> None:
    async with httpx.AsyncClient(base_url=site, trust_env=False) as stranger:
        response = await choose(stranger, new_conversation(), "persona", "Mine")
        assert (response.status_code, response.json()["error"]) == (403, english("page-cookies"))


async def test_a_deleted_chat_forgets_them(visitor: httpx.AsyncClient) -> None:
    conversation = new_conversation()
    await choose(visitor, conversation, "persona", "A secret")
    await events(visitor, conversation, await ask(visitor, conversation, "Hello"))
    await visitor.post(f"/c/{conversation}/delete", json={})
    assert (await settings_of(visitor, conversation))["persona"] == ""
