"""The colours of code: Pygments may run for ever on a few characters, and nobody waits for it."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

import glados_web.answers.painter
from glados_bots.conversation import Turn
from glados_bots.store.connection import Client
from glados_bots.store.store import Store
from glados_bots.surface import View
from glados_web.answers.markdown import render
from glados_web.answers.painter import MAX_CHARACTERS, Painter, Patience, plain
from glados_web.answers.stream import answer_events
from glados_web.answers.surface import POST, WebSurface
from glados_web.chats import new_conversation
from tests.fakes.scripted_model import ScriptedModel
from tests.web.test_http import ask, events

LONG_PATIENCE_S = 60.0
# Each takes its lexer longer than the age of the universe.
ENDLESS = [("maple", '"' + "\\\\a" * count) for count in (40, 400)]


@pytest.fixture
def painter() -> Iterator[Painter]:
    """Its own process."""
    fresh = Painter()
    yield fresh
    fresh.close()


@pytest.mark.parametrize(("language", "code"), ENDLESS)
def test_code_whose_lexer_never_ends_is_shown_plain(painter: Painter, language: str, code: str) -> None:
    assert painter.paint(code, language, LONG_PATIENCE_S) == plain(code)
    assert painter.paint(code, language, 0) == plain(code), "that is known from then on"
    assert "<span" in (painter.paint("x = 1", "python", LONG_PATIENCE_S) or ""), "others have their colours"


def test_code_is_coloured_once(painter: Painter) -> None:
    coloured = painter.paint("if x: pass\n", "python", LONG_PATIENCE_S)
    assert (
        coloured
        == '<span class="k">if</span> <span class="n">x</span><span class="p">:</span> <span class="k">pass</span>\n'
    )
    painter.close()
    assert painter.paint("if x: pass\n", "python", 0) == coloured


def test_who_has_no_patience_left_gets_plain_code_and_colours_next_time(painter: Painter) -> None:
    assert painter.paint("x = 1", "python", 0) is None
    impatient = Patience(painter)
    impatient._left_s = 0
    assert impatient.paint("x = 1", "python") == "x = 1"
    assert "<span" in Patience(painter).paint("x = 1", "python")


def test_all_code_of_one_rendering_shares_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def slow(_: Painter, code: str, language: str, patience_s: float) -> None:
        del code, language
        waited.append(patience_s)
        monkeypatch.setattr(time, "monotonic", lambda: 1.5 * len(waited))

    monkeypatch.setattr(Painter, "paint", slow)
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    monkeypatch.setattr(glados_web.answers.painter, "PATIENCE_S", 2.0)
    assert render("```python\na\n```\n\n```python\nb\n```\n\n- ```python\n  c\n  ```").count("<span") == 0
    assert waited == [2.0, 0.5, -1.0]


@pytest.mark.parametrize("language", ["no-such-language", "", "mermaid"])
def test_an_unknown_language_asks_no_process(painter: Painter, language: str) -> None:
    assert painter.paint("a < b", language, 0) == "a &lt; b"


def test_long_code_stays_plain(painter: Painter) -> None:
    code = "x = 1\n" * (MAX_CHARACTERS // 6 + 1)
    assert painter.paint(code, "python", 0) == code


def test_what_is_kept_is_bounded(painter: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glados_web.answers.painter, "KEPT_CHARACTERS", 300)
    for number in range(10):
        painter.paint(f"x = {number}", "python", LONG_PATIENCE_S)
    assert painter.paint("x = 9", "python", 0) is not None
    assert painter.paint("x = 0", "python", 0) is None


def test_a_process_that_cannot_start_leaves_code_plain(
    painter: Painter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert painter.paint("x = 1", "python", LONG_PATIENCE_S) == "x = 1"
    assert "without colours" in caplog.text


@pytest.mark.parametrize("form", ["```{}\n{}\n```", "- ```{}\n  {}\n  ```", "> ```{}\n> {}\n> ```"])
def test_an_answer_with_such_code_is_rendered_whole(form: str) -> None:
    language, code = ENDLESS[0]
    answer = form.format(language, code)
    assert code in render(answer)
    assert code in render(answer)


@dataclass
class Held:
    """Renderings that begin from now on last until the test lets them go on."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def hold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()

        def wait(_: Painter, code: str, language: str, patience_s: float) -> str:
            del language, patience_s
            loop.call_soon_threadsafe(self.begun.set)
            self.go_on.wait()
            return code

        monkeypatch.setattr(Painter, "paint", wait)


@pytest.fixture
def held() -> Iterator[Held]:
    """Ends with the test."""
    rendering = Held()
    yield rendering
    rendering.go_on.set()


async def test_others_are_served_while_a_chat_is_rendered(
    visitor: httpx.AsyncClient, model: ScriptedModel, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.pieces = ["```python\nslow_one\n```"]
    conversation = new_conversation()
    await events(visitor, conversation, await ask(visitor, conversation, "Code, please"))
    held.hold(monkeypatch)
    opening = asyncio.create_task(visitor.get(f"/c/{conversation}"))
    await held.begun.wait()
    assert (await visitor.get("/code.css")).status_code == 200
    assert not opening.done()
    held.go_on.set()
    assert "slow_one" in (await opening).text


async def test_others_are_served_while_an_answer_streams(
    client: Client, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, turn = Store(client, "web", ttl=60, max_exchanges=5), Turn("t", "c", "ada", "question")
    surface = WebSurface(store, client)
    await surface.edit(turn, POST, View("```python\nslow_one\n```\n\nText.\n\nMore.", "", "done", is_last=True))
    held.hold(monkeypatch)
    views = answer_events(store, surface, turn.conversation, turn.id)
    await anext(views)
    following = asyncio.ensure_future(anext(views))
    await held.begun.wait()
    await store.history(turn.conversation)
    assert not following.done()
    held.go_on.set()
    assert "slow_one" in await following
    await views.aclose()
