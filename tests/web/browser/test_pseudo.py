"""The page in the pseudo-language: whatever it shows or reads out, no English word of ours is left.

The pseudo-language writes every letter of our sentences with a mark. So a word without marks is one that stands outside
the catalogue. Questions and answers are Greek here, so that they are not taken for ours.
"""

import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Dialog, Page, expect
from pydantic import SecretStr

from glados_bots.operations import audit
from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_bots.wording.catalogue import catalogue
from glados_bots.wording.languages import ENGLISH, PSEUDO
from glados_web.app import create_app
from glados_web.settings import WebSettings
from glados_web.status import PACKAGES
from tests.fakes.oidc import CLIENT, SECRET, FakeProvider
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import free_port, running
from tests.waiting import until
from tests.web.browser.conftest import OFFICE
from tests.web.browser.test_page import done, turn
from tests.web.conftest import HASH, PASSWORD

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
# Everything that a page shows or reads out, seen or not at the moment, told whenever it changes.
LISTEN = """() => {
  const known = new Set();
  const read = () => [...document.querySelectorAll("body, body *:not(script, style)")].flatMap((each) => [
    ...[...each.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data),
    ...["aria-label", "placeholder", "title", "alt"].map((name) => each.getAttribute(name)),
  ]);
  const tell = () => {
    const fresh = [document.title, ...read()].filter((text) => text?.trim() && !known.has(text));
    for (const text of fresh) known.add(text);
    if (fresh.length) hear(fresh);
  };
  const how = { subtree: true, childList: true, characterData: true, attributes: true };
  new MutationObserver(tell).observe(document, how);
}"""
# Names, versions and what operators' tools write: the same in every language.
DATA = {
    "GLaDOS", "GLADOS_WEB_PUBLIC_URL", "Discord", "Slack", "Python", "scripted", "py", "root", "box", "cli",
    "example.org", *PACKAGES,
}  # fmt: skip
VERSION = re.compile(r"\d+\.\d\S*")
# What only programs meet, which send a body that the page's script never does: tests/web/test_language.py.
FOR_PROGRAMS = {"page-not-utf8", "page-not-json", "page-key-wrong", "page-message-empty", "page-message-too-long"}
MARKED = "AEIOUYaeiouycnsz"  # letters that the pseudo-language writes in another way


class Ear:
    """Hears a browser that wants the pseudo-language."""

    def __init__(self) -> None:
        self.heard: set[str] = set()

    async def listen(self, context: BrowserContext) -> None:
        await context.expose_function("hear", lambda texts: self.heard.update(texts))  # noqa: PLW0108 - it is given a name
        await context.add_init_script(f"({LISTEN})()")
        context.on("dialog", self._accept)

    async def hears(self, *names: str) -> None:
        """Wait until each of these sentences was shown."""
        for name in names:
            pattern = pattern_of(name)
            try:
                await until(lambda pattern=pattern: any(map(pattern.search, self.heard)))
            except TimeoutError:
                pytest.fail(f"{name} was not shown, but {sorted(self.heard)}", pytrace=False)

    def left_over(self) -> list[str]:
        """Words in plain letters, with the text that they stand in."""
        data = re.compile("|".join(map(re.escape, sorted(DATA, key=len, reverse=True))))
        return [text for text in self.heard if plain_words(VERSION.sub("", data.sub("", text)))]

    async def _accept(self, dialog: Dialog) -> None:
        self.heard.add(dialog.message)
        await dialog.accept()


def pattern_of(name: str) -> re.Pattern[str]:
    """A sentence in the pseudo-language, in one or many, whatever it is about."""
    said = catalogue(PSEUDO)[name].string
    forms = [said] if isinstance(said, str) else list(said)
    return re.compile("|".join(".+".join(map(re.escape, re.split(r"\{\w+\}", form))) for form in forms))


def plain_words(text: str) -> list[str]:
    """Words of at least two letters of which none has a mark, though the pseudo-language would give it one."""
    words = re.findall(r"[^\W\d_]{2,}", text)
    return [word for word in words if word.isascii() and set(word) & set(MARKED)]


@pytest.fixture
async def ear(model: ScriptedModel) -> AsyncIterator[Ear]:
    """At the end of a test, all that was heard must be in the pseudo-language."""
    model.pieces = ["Απάν", "τηση"]
    found = Ear()
    yield found
    assert found.heard
    assert found.left_over() == []


async def visit(chromium: Browser, ear: Ear, url: str, path: str = "/") -> Page:
    context = await chromium.new_context(
        base_url=url, locale=PSEUDO, viewport={"width": 390, "height": 800}, reduced_motion="reduce"
    )
    await ear.listen(context)
    page = await context.new_page()
    await page.goto(path)
    return page


async def ask(page: Page, text: str = "Ερώτηση") -> None:
    await page.locator("#text").fill(text)
    await page.wait_for_load_state()  # with its script
    await page.keyboard.press("Enter")


async def press(page: Page, action: str, number: int = 0) -> None:
    await turn(page, number).locator(f"[data-action={action}]").click()


async def until_state(page: Page, state: str, number: int = 0) -> None:
    await expect(turn(page, number)).to_have_attribute("data-state", state)


# --- the chat --------------------------------------------------------------------------------------------------------


async def test_a_chat_from_the_first_look_to_its_end(
    chromium: Browser, site: str, model: ScriptedModel, ear: Ear
) -> None:
    page = await visit(chromium, ear, site)
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


async def test_what_the_page_refuses_or_cannot_do(
    chromium: Browser, settings: Settings, model: ScriptedModel, ear: Ear
) -> None:
    limited = settings.model_copy(update={"limit_user_per_minute": 2})
    async with running(create_app(limited)) as url:
        page = await visit(chromium, ear, url)
        await ask(page, "χ" * 2001)
        await ear.hears("page-too-long")
        await page.context.clear_cookies()
        await ask(page)
        await ear.hears("page-cookies")
        await page.goto("/")
        model.gate.clear()
        await page.route("**/events?*", lambda route: route.abort())
        await ask(page)
        await ear.hears("page-lost")
        await page.route("**/stop", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
        await press(page, "stop")
        await ear.hears("page-server-status")
        await page.unroute("**/events?*")
        await page.unroute("**/stop")
        model.gate.set()
        await page.reload()
        await done(page)
        await ask(page)
        await done(page, 1)
        await ask(page)
        await ear.hears("limit-minute-user")
        await turn(page).evaluate("section => { section.dataset.turn = 'x'; }")
        await page.locator("[data-turn=x] [data-action=redo]").click()
        await ear.hears("page-no-question")
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


async def leave_and_come_back(page: Page) -> None:
    """Lose the cookie and the stream: it begins again at once."""
    await page.context.clear_cookies()
    await page.evaluate("""() => { for (const is of [true, false]) {
      Object.defineProperty(document, "hidden", { value: is, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    } }""")


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


# --- the door, the status page, errors -------------------------------------------------------------------------------


async def test_the_shared_password(
    chromium: Browser, settings: Settings, client: Client, model: ScriptedModel, ear: Ear
) -> None:
    async with running(create_app(settings, WebSettings(password=SecretStr(HASH)))) as url:
        page = await visit(chromium, ear, url)
        await ear.hears("door-title", "door-heading", "door-password", "door-sign-in", "door-running")
        await page.goto("/status?still")
        await ear.hears("status-well", "status-well-means", "status-as-of", "status-renew")
        await page.goto("/sign-in")
        await enter(page)
        model.gate.clear()
        await ask(page)
        await until_state(page, "writing")
        await ear.hears("page-sign-out", "page-only-browser")
        await leave_and_come_back(page)
        await ear.hears("page-signed-out-reload")
        await ask(page)
        await ear.hears("door-signed-out")
        await page.goto("/sign-in")
        await enter(page, "λάθος")
        await ear.hears("door-wrong-password")
        await client.set("glados:{web}:guesses:all", 300, ex=60)
        await client.set("glados:{web}:guesses:all", 300, ex=60)
        await enter(page)
        await ear.hears("door-guesses")


async def enter(page: Page, password: str = PASSWORD) -> None:
    await page.locator("#password").fill(password)
    await page.locator("form button").click()


async def test_the_provider(chromium: Browser, settings: Settings, client: Client, ear: Ear) -> None:
    provider = FakeProvider()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    provider.redirect_uri = f"{url}/sign-in/callback"
    async with running(provider.app()) as provider.issuer:
        web = WebSettings(
            password=SecretStr(HASH),
            public_url=url,
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret=SecretStr(SECRET),
            oidc_emails="@example.org",
        )
        async with running(create_app(settings, web), port):
            page = await visit(chromium, ear, url)
            await ear.hears("door-continue", "door-organisation", "door-or")
            await page.goto("/sign-in/callback?state=x")
            await ear.hears("door-other-browser")
            provider.refuses = True
            await page.goto("/sign-in/oidc")
            await ear.hears("door-not-finished")
            provider.refuses, provider.answers_as = False, "https://evil.example"
            await page.goto("/sign-in/oidc")
            await ear.hears("door-provider-answer")
            provider.answers_as, provider.person = "", {"sub": "2", "email": "x@example.com", "email_verified": True}
            await page.goto("/sign-in/oidc")
            await ear.hears("door-not-listed")
            provider.person = {"sub": "1", "email": "5@example.org", "email_verified": True}
            await page.goto("/sign-in/oidc")
            await ear.hears("page-only-you")
        away = web.model_copy(update={"oidc_issuer": f"http://127.0.0.1:{free_port()}"})
        async with running(create_app(settings, away), port):
            page = await visit(chromium, ear, url, "/sign-in/oidc")
            await ear.hears("door-provider-unreachable")
            await client.set("glados:{web}:flows:all", 3000, ex=60)
            await page.goto("/sign-in/oidc")
            await ear.hears("door-flows")


async def test_the_status_page_of_an_admin(
    chromium: Browser, settings: Settings, client: Client, model: ScriptedModel, ear: Ear
) -> None:
    admin = settings.model_copy(
        update={"admins": "web:local", "limit_user_per_minute": 5, "limit_user_tokens_per_day": 1000,
                "limit_channel_per_minute": 5, "limit_channel_tokens_per_day": 1000}
    )  # fmt: skip
    async with running(create_app(admin)) as url:
        page = await visit(chromium, ear, url, "/status")
        await ear.hears("status-no-acts", "status-renews", "status-hold", "status-page-up", "status-back")
        await audit.record(client, "cli:root@box", "7", "7")
        model.gate.clear()
        await page.goto("/")
        await ask(page)
        await until_state(page, "writing")
        await page.goto("/status?still")
        await ear.hears("status-model-heading", "status-context", "status-conversations", "status-where")
        await ear.hears("status-answering", "status-waiting-column", "status-workers", "status-given-up")
        await ear.hears("status-web-page", "status-limits", "status-acts", "status-versions", "tokens-restart")
        await ear.hears("used-minute-user", "used-day-user")
        model.gate.set()


async def test_error_pages(chromium: Browser, settings: Settings, ear: Ear) -> None:
    app = create_app(settings)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("bug")

    async with running(app) as url:
        page = await visit(chromium, ear, url)
        await ask(page)
        await done(page)
        chat = page.url
        await page.goto("/c/none")
        await ear.hears("page-nothing-here", "page-no-chat", "page-my-chats")
        await page.goto("/nowhere")
        await ear.hears("page-not-found")
        await page.goto(f"{chat}/events?patient=perhaps")
        await ear.hears("page-refused")
        await page.goto("/broken")
        await ear.hears("broken")
        await page.goto(url.replace("127.0.0.1", OFFICE))
        await ear.hears("door-other-name")
    locked = create_app(settings, WebSettings(password=SecretStr(HASH)))
    async with running(locked) as url:
        page = await visit(chromium, ear, url)
        for action, type_, name, said in (
            ("/status", "", "next", "page-refused"),
            ("/sign-in", "text/plain", "next", "door-other-page"),
            ("/sign-in", "", "next", "door-form-long"),
            ("/sign-in", "", "&".join("0123456789ab"), "door-form-unreadable"),
        ):
            await page.goto("/sign-in")
            await page.evaluate(FORM, [action, type_, name, 9000 if said == "door-form-long" else 1])
            await page.locator("form button").click()
            await ear.hears(said)


FORM = """([action, type, name, length]) => {
  const form = document.querySelector("form");
  form.action = action;
  form.enctype = type;
  form.noValidate = true;
  for (const each of name.split("&")) {
    const field = document.createElement("textarea");
    field.name = each;
    field.value = "7".repeat(length);
    form.append(field);
  }
}"""


# --- what this file is worth -----------------------------------------------------------------------------------------


def names_of(beginnings: Iterable[str]) -> set[str]:
    messages = [message.id for message in catalogue(ENGLISH) if message.id]
    names = {name if isinstance(name, str) else name[0] for name in messages}
    return {name for name in names if name.startswith(tuple(beginnings))}


def test_every_sentence_of_the_page_is_heard_above() -> None:
    heard = set(re.findall(r'"((?:page|door)-[a-z0-9-]+)"', Path(__file__).read_text(encoding="utf-8")))
    assert names_of(["page-", "door-"]) - heard == set()


def test_a_word_that_is_not_ours_is_noticed() -> None:
    assert plain_words("⟦Åšk mé⟧ Send ⟦and 5 kB⟧ Ερώτηση") == ["Send", "and"]
