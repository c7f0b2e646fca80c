"""Pictures in requests: what reaches the engine, and how a bad one is refused by its place."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from glados_bots.conversation import Message
from glados_bots.errors import PictureRefusedError
from glados_bots.inference.api import picture_parts
from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.chat.requests import ChatRequest
from glados_bots.inference.echo_engine import EchoEngine
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.pictures.bounds import MOST_PICTURES
from glados_bots.inference.pictures.fetching import PictureFetcher
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import CHAT, body
from tests.inference.pictures.draw import data_url, drawn, part, picture
from tests.servers import running
from tests.waiting import until_ready

GOOD = data_url(drawn(1))
WORDS = {"type": "text", "text": "What is this?"}


class Fetcher(PictureFetcher):
    """Has one picture, at one address."""

    async def fetch(self, address: str) -> bytes:
        if address != "https://pictures.example/a.png":
            raise PictureRefusedError("it is elsewhere (said by the test)")
        return drawn(7)


@asynccontextmanager
async def served(engine: Any, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with running(create_app(engine, **options)) as url, httpx.AsyncClient(base_url=url) as client:
        await until_ready(client)
        yield client


@pytest.fixture
def seeing(engine: ScriptedEngine) -> ScriptedEngine:
    engine.seeing = engine.models
    return engine


def asking(*parts: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    return body(messages=[{"role": "system", "content": "Be kind."}, {"role": role, "content": list(parts)}], **more)


async def refused(http: httpx.AsyncClient, content: dict[str, Any]) -> dict[str, Any]:
    response = await http.post(CHAT, json=content)
    assert response.status_code == 400
    return dict(response.json()["error"])


async def test_pictures_of_all_kinds_reach_the_engine_with_the_words(
    seeing: ScriptedEngine, http: httpx.AsyncClient
) -> None:
    kinds = {"image/png": drawn(1), "image/jpeg": drawn(2, kind="JPEG"), "image/webp": drawn(3, kind="WEBP")}
    kinds["image/gif"] = drawn(4, kind="GIF", mode="P")
    parts = [part(data_url(content, kind), detail="high") for kind, content in kinds.items()]
    assert (await http.post(CHAT, json=asking(*parts[:2], WORDS, *parts[2:]))).is_success
    system, question = seeing.asked[-1][0]
    assert (system, question.content) == (Message("system", "Be kind."), "What is this?")
    assert {one.kind: base64.b64decode(one.data) for one in question.pictures} == kinds
    assert {(one.width, one.height) for one in question.pictures} == {(40, 30)}


async def test_a_picture_needs_no_words(seeing: ScriptedEngine, http: httpx.AsyncClient) -> None:
    assert (await http.post(CHAT, json=body(messages=[{"role": "user", "content": [part(GOOD)]}]))).is_success
    assert seeing.asked[-1][0] == (Message("user", "", (picture(1),)),)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (data_url(b"hello"), "no picture; send a PNG, JPEG, WebP or GIF"),
        (data_url(b"%PDF-1.7", "application/pdf"), "no picture"),
        (data_url(drawn(1)[:500]), "damaged"),
        ("data:image/png;base64,@@", "not valid base64"),
        ("data:image/png,plain", "must have the form"),
        ("http://pictures.example/a.png", "GLADOS_FETCH_PICTURES"),
        ("file:///etc/passwd", "only data URLs"),
        ("", "only data URLs"),
    ],
)
async def test_a_bad_picture_is_named_with_the_remedy(
    seeing: ScriptedEngine, http: httpx.AsyncClient, url: str, why: str
) -> None:
    error = await refused(http, asking(WORDS, part(GOOD), part(url)))
    assert error["message"].startswith("messages.1.content.2.image_url: ")
    assert why in error["message"]
    assert (error["code"], error["param"]) == ("invalid_image", "messages.1.content.2.image_url")
    assert not seeing.asked


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"type": "image_url"}, "part 1: a picture must be"),
        ({"type": "image_url", "image_url": GOOD}, "part 1: a picture must be"),
        ({"type": "image_url", "image_url": {"url": 5}}, "part 1: a picture must be"),
        ({"type": "image_url", "image_url": {"url": GOOD}, "text": "x"}, "part 1: a picture must be"),
        (part(GOOD, detail="huge"), "detail is"),
        (part(GOOD, size=5), "has the fields url and detail"),
        ({"type": "input_audio", "input_audio": {}}, "part 1: each part must be"),
        ({"type": "image", "image": GOOD}, "part 1: each part must be"),
        ("text", "part 1: each part must be"),
        (None, "part 1: each part must be"),
    ],
)
async def test_a_part_of_another_form_is_refused(
    seeing: ScriptedEngine, http: httpx.AsyncClient, wrong: Any, why: str
) -> None:
    error = await refused(http, asking(WORDS, wrong))
    assert why in error["message"]
    assert error["message"].startswith("messages.1.content")
    assert not seeing.asked


@pytest.mark.parametrize("role", ["system", "developer", "assistant"])
async def test_only_a_user_shows_pictures(seeing: ScriptedEngine, http: httpx.AsyncClient, role: str) -> None:
    error = await refused(http, asking(part(GOOD), WORDS, role=role))
    assert "messages.1: content: part 0: only a user's message may hold pictures" in error["message"]
    assert not seeing.asked


async def test_pictures_are_counted_and_their_pixels_too(
    seeing: ScriptedEngine, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await http.post(CHAT, json=asking(*[part(GOOD)] * MOST_PICTURES))).is_success
    error = await refused(http, asking(*[part(GOOD)] * (MOST_PICTURES + 1)))
    assert error["message"] == "messages: at most 16 pictures"
    monkeypatch.setattr(picture_parts, "MOST_PIXELS_TOGETHER", 2 * 40 * 30)
    assert (await http.post(CHAT, json=asking(part(GOOD), part(GOOD)))).is_success
    error = await refused(http, asking(part(GOOD), part(GOOD), part(GOOD)))
    assert error["message"].startswith("messages.1.content.2.image_url: the pictures may have")
    assert len(seeing.asked) == 2


async def test_a_model_that_cannot_see_says_so_and_names_one_that_can(
    engine: ScriptedEngine, http: httpx.AsyncClient
) -> None:
    error = await refused(http, asking(WORDS, part(GOOD)))
    assert error["code"] == "image_not_supported"
    assert error["message"] == (
        "the model scripted cannot see pictures; leave them out, or serve a model that sees (docs/models.md)"
    )
    engine.models, engine.seeing = ("scripted", "painter"), ("painter",)
    error = await refused(http, asking(WORDS, part(GOOD)))
    assert "; ask painter, which sees them, or leave them out" in error["message"]
    assert (await http.post(CHAT, json=asking(WORDS, part(GOOD), model="painter"))).is_success
    listed = (await http.get("/v1/models")).json()["data"]
    assert {one["id"]: one["capabilities"]["vision"] for one in listed} == {
        "scripted": False,
        "painter": True,
    }


async def test_addresses_are_fetched_if_a_setting_allows_it(seeing: ScriptedEngine) -> None:
    async with served(seeing, fetcher=Fetcher()) as http:
        assert (await http.post(CHAT, json=asking(part("https://pictures.example/a.png")))).is_success
        assert base64.b64decode(seeing.asked[-1][0][1].pictures[0].data) == drawn(7)
        error = await refused(http, asking(part("https://elsewhere.example/")))
        assert "it is elsewhere" in error["message"]
        assert (await http.post(CHAT, json=asking(part(GOOD)))).is_success


async def test_a_large_picture_fits_the_body_and_texts_are_answered_beside_it(
    seeing: ScriptedEngine, http: httpx.AsyncClient
) -> None:
    large = data_url(drawn(1, 2000, 1500))  # 9 MB
    responses = await asyncio.gather(http.post(CHAT, json=asking(part(large))), http.post(CHAT, json=body()))
    assert all(response.is_success for response in responses)
    assert seeing.asked


def test_a_request_holds_pictures_in_its_parts_only() -> None:
    with pytest.raises(ValidationError):
        ChatRequest.model_validate(body(messages=[{"role": "user", "content": "x", "pictures": [GOOD]}]))


async def test_the_echo_tells_how_many_pictures_came() -> None:
    async with served(EchoEngine(None, EngineOptions(None))) as http:  # type: ignore[arg-type] # it reads no folder
        answers = [
            (await http.post(CHAT, json=asking(WORDS, *[part(GOOD)] * count, model="echo"))).json() for count in (1, 2)
        ]
    texts = [answer["choices"][0]["message"]["content"] for answer in answers]
    assert texts == ["What is this?\n\n(1 picture)", "What is this?\n\n(2 pictures)"]
