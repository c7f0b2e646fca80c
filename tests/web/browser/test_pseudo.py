"""A chat in the pseudo-language: whatever it shows or reads out, no English word of ours is left.

The doors, the status page and errors: test_pseudo_pages.py.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from pydantic import SecretStr

from glados_bots.settings import Settings
from glados_bots.wording.catalogue import catalogue
from glados_bots.wording.languages import ENGLISH
from glados_web.app import create_app
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import free_port, running
from tests.web.browser.ear import Ear, ask, leave_and_come_back, plain_words, press, until_state, visit
from tests.web.browser.test_page import done, turn

pytestmark = pytest.mark.slow

RICH = """Απάντηση

```py
α = 1
```

| α | β |
| --- | --- |
| γ | δ |

- [x] ναι
- [ ] όχι
"""
# What only programs meet, which send a body that the page's script never does: tests/web/test_language.py.
FOR_PROGRAMS = {"page-not-utf8", "page-not-json", "page-key-wrong", "page-message-empty", "page-message-too-long"}


async def test_a_chat_from_the_first_look_to_its_end(
    chromium: Browser, site: str, model: ScriptedModel, ear: Ear
) -> None:
    model.useful = {"command": "γλάδος", "tokens_per_second": 4}
    page = await visit(chromium, ear, site)
    await ear.hears("page-small-model")
    await ear.hears("page-skip", "page-chats", "page-new-chat", "page-status", "page-new", "page-clear", "page-delete")
    await ear.hears("page-welcome", "page-only-browser", "page-newest", "page-ask", "page-message", "page-send")
    await ear.hears("page-keys")
    model.pieces = [RICH]
    await ask(page)
    await done(page)
    await ear.hears("page-you-asked", "page-answer", "page-code", "page-table", "page-done", "page-to-do", "page-copy")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.locator(".code button").click()
    await ear.hears("page-copied")
    await page.evaluate("() => { navigator.clipboard.writeText = document.execCommand = () => { throw Error(); }; }")
    await press(page, "copy")
    await ear.hears("page-copy-refused", "page-plain")
    await press(page, "plain")
    await ear.hears("page-rendered", "button-redo", "button-stop")
    await press(page, "redo")
    await done(page)
    await page.locator(".burger").click()
    await page.locator(".chats a").first.click()
    await page.wait_for_url("**/?new")
    await page.goto("/")
    await done(page)
    await page.locator("[data-action=clear]").click()
    await ear.hears("page-forget-chat")
    await expect(page.locator("#turns > .turn")).to_have_count(0)  # the server has forgotten it
    await page.reload()
    await ear.hears("page-empty-chat")
    await ask(page)
    await done(page)
    await page.locator("[data-action=delete]").click()
    await ear.hears("page-delete-chat")


async def test_answers_under_way_waiting_stopped_and_failed(
    chromium: Browser, site: str, model: ScriptedModel, ear: Ear
) -> None:
    page = await visit(chromium, ear, site)
    model.gate.clear()
    model.pieces = ["<think>σκέψη", "</think>", "Απάντηση"]
    model.is_stepped = True
    await ask(page)
    model.gate.set()
    await ear.hears("model-thinking")
    for number in (1, 2):
        await ask(page, f"Ερώτηση {number}")
    await ear.hears("queued-next", "queued")
    for number in (2, 1, 0):
        await press(page, "stop", number)
    for number in range(3):
        await until_state(page, "stopped", number)
    await ear.hears("stopped")
    model.is_stepped = False
    model.gate.set()
    model.pieces = ["<think>σκέψη"]
    await press(page, "redo")
    await ear.hears("still-thinking")
    model.pieces = [" "]
    await press(page, "redo", 1)
    await ear.hears("no-answer")
    model.refusal = "άρνηση"
    await press(page, "redo", 2)
    await ear.hears("cannot-answer", "page-retry")
    await page.reload()
    await until_state(page, "failed", 2)


async def test_what_the_page_refuses(chromium: Browser, settings: Settings, ear: Ear) -> None:
    limited = settings.model_copy(update={"limit_user_per_minute": 2})
    async with running(create_app(limited)) as url:
        page = await visit(chromium, ear, url)
        await ask(page, "χ" * 2001)
        await ear.hears("page-too-long")
        await page.context.clear_cookies()
        await ask(page)
        await ear.hears("page-cookies")
        await page.goto("/")
        await ask(page)
        await done(page)
        await ask(page)
        await done(page, 1)
        await ask(page)
        await ear.hears("limit-minute-user")
        await turn(page).evaluate("section => { section.dataset.turn = 'x'; }")
        await page.locator("[data-turn=x] [data-action=redo]").click()
        await ear.hears("page-no-question")


async def test_a_server_that_cannot_be_reached(chromium: Browser, site: str, model: ScriptedModel, ear: Ear) -> None:
    page = await visit(chromium, ear, site)
    model.gate.clear()
    await page.route("**/events?*", lambda route: route.abort())
    await ask(page)
    await ear.hears("page-lost")
    await page.route("**/stop", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    await press(page, "stop")
    await ear.hears("page-server-status")
    await page.route("**/messages", lambda route: route.abort())
    await ask(page)
    await ear.hears("page-unreachable")


async def test_too_many_waiting_questions_and_a_chat_that_is_gone(
    chromium: Browser, site: str, model: ScriptedModel, ear: Ear
) -> None:
    page = await visit(chromium, ear, site)
    model.gate.clear()
    for number in range(10):
        await ask(page, f"Ερώτηση {number}")
        await expect(page.locator("#turns .turn")).to_have_count(number + 1)
    await ask(page)
    await ear.hears("queue-full")
    await leave_and_come_back(page)
    await ear.hears("page-chat-gone")


async def test_a_model_and_a_database_that_cannot_be_reached(chromium: Browser, settings: Settings, ear: Ear) -> None:
    no_model = settings.model_copy(update={"inference_url": f"http://127.0.0.1:{free_port()}/v1"})
    async with running(create_app(no_model)) as url:
        page = await visit(chromium, ear, url)
        await ask(page)
        await ear.hears("model-unreachable")
        await page.goto("/status?still")
        await ear.hears("status-waiting", "status-waiting-means")
    no_store = settings.model_copy(update={"redis_url": SecretStr("unix:///nowhere/valkey.sock")})
    async with running(create_app(no_store)) as url:
        page = await visit(chromium, ear, url)
        await ear.hears("page-store-unreachable", "page-one-moment", "page-try-again")
        await page.goto("/status?still")
        await ear.hears("status-away", "status-away-means")


# --- what these files are worth --------------------------------------------------------------------------------------


def names_of(beginnings: Iterable[str]) -> set[str]:
    messages = [message.id for message in catalogue(ENGLISH) if message.id]
    names = {name if isinstance(name, str) else name[0] for name in messages}
    return {name for name in names if name.startswith(tuple(beginnings))}


def test_every_sentence_of_the_page_is_heard() -> None:
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_pseudo*.py")]
    heard = set(re.findall(r'"((?:page|door)-[a-z0-9-]+)"', "\n".join(texts)))
    assert names_of(["page-", "door-"]) - heard == set()


def test_a_word_that_is_not_ours_is_noticed() -> None:
    assert plain_words("⟦Åšk mé⟧ Send ⟦and 5 kB⟧ Ερώτηση") == ["Send", "and"]
