"""Sign-in, status and errors in the pseudo-language: no English word of ours is left."""

import pytest
from playwright.async_api import Browser, Page
from pydantic import SecretStr

from glados_bots.operations import audit
from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_web.app import create_app
from glados_web.settings import WebSettings
from tests.fakes.oidc import CLIENT, SECRET, FakeProvider
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import free_port, running
from tests.web.browser.conftest import OFFICE
from tests.web.browser.ear import Ear, ask, leave_and_come_back, until_state, visit
from tests.web.browser.test_page import done
from tests.web.conftest import HASH, PASSWORD

pytestmark = pytest.mark.slow


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


async def test_the_provider(chromium: Browser, settings: Settings, ear: Ear) -> None:
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


async def test_a_provider_that_cannot_be_reached(
    chromium: Browser, settings: Settings, client: Client, ear: Ear
) -> None:
    web = WebSettings(
        public_url="http://localhost:1", oidc_issuer=f"http://127.0.0.1:{free_port()}", oidc_client_id=CLIENT
    )
    async with running(create_app(settings, web)) as url:
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


async def test_errors_of_forms(chromium: Browser, settings: Settings, ear: Ear) -> None:
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
