"""Signing in and out, and the status page, in real Chromium: by keyboard, for everybody, in light and in dark."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from pydantic import SecretStr

from glados_bots.settings import Settings
from glados_web.app import create_app
from glados_web.settings import WebSettings
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.browser.test_accessibility import inspect, say
from tests.web.conftest import PASSWORD, english

pytestmark = pytest.mark.slow


@pytest.fixture
async def locked(settings: Settings) -> AsyncIterator[str]:
    """URL of a page behind a password and a provider, with limits and an admin."""
    web = WebSettings(
        password=SecretStr(PASSWORD),
        public_url="http://localhost:1",
        oidc_issuer="http://localhost:1",
        oidc_name="Team",
    )
    update = {"admins": "web:password", "limit_user_per_minute": 5}
    async with running(create_app(settings.model_copy(update=update), web)) as url:
        yield url


@pytest.fixture(params=["light", "dark"])
async def page(request: pytest.FixtureRequest, chromium: Browser, locked: str) -> AsyncIterator[Page]:
    """The page on a phone. A script error or a violated policy fails the test."""
    context = await chromium.new_context(
        base_url=locked, viewport={"width": 390, "height": 800}, color_scheme=request.param, reduced_motion="reduce"
    )
    opened = await context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)
    yield opened
    await context.close()
    assert problems == []


async def enter(page: Page) -> None:
    await page.get_by_label("Password of this page").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Your message")).to_be_visible()


async def test_sign_in_chat_look_at_the_status_and_sign_out(page: Page, model: ScriptedModel) -> None:
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Sign in to GLaDOS")).to_be_visible()
    await expect(page.get_by_role("link", name="Continue with Team")).to_be_visible()
    await page.set_viewport_size({"width": 320, "height": 640})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.set_viewport_size({"width": 390, "height": 800})
    await inspect(page)
    await page.get_by_label("Password of this page").fill("not the password")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text(english("door-wrong-password"))
    await inspect(page)
    await page.get_by_role("link", name="Is everything running?").click()
    await expect(page.get_by_role("heading", name=english("status-well"))).to_be_visible()
    await inspect(page)
    await page.get_by_role("link", name="Sign in").click()
    await page.get_by_label("Password of this page").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Versions")).to_be_visible()  # back where one was, and now more
    await page.goto("/")
    await say(page, "Hello")
    await expect(page.locator(".turn[data-state=done]")).to_be_visible()
    await page.goto("/status?still")
    await expect(page.get_by_role("heading", name="Limits")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await inspect(page)
    await page.get_by_role("link", name="Back to my chats").click()
    await page.wait_for_url("**/c/**", wait_until="load")  # its script is there then
    model.gate.clear()
    await say(page, "Hold")
    await expect(page.locator(".turn[data-state=writing]")).to_be_visible()
    other = await page.context.new_page()  # signs out in another tab
    await other.goto("/")
    await other.get_by_role("button", name="Past chats").click()
    await other.get_by_role("button", name="Sign out").click()
    await expect(other.get_by_role("heading", name="Sign in to GLaDOS")).to_be_visible()
    await expect(page.get_by_text(english("page-signed-out-reload"))).to_be_visible(timeout=20_000)


async def test_a_foreign_page_can_neither_sign_out_nor_frame_this_one(page: Page, locked: str) -> None:
    await page.goto("/")
    await enter(page)

    async def attack(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = f"""<form id=f method=post action="{locked}/sign-out" target=t></form><iframe name=t></iframe>
        <iframe src="{locked}/"></iframe><script>document.getElementById("f").submit()</script>""".encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(attack, "127.0.0.1", 0)
    async with server:
        evil = await page.context.new_page()
        await evil.goto(f"http://localhost:{server.sockets[0].getsockname()[1]}/")
        await evil.wait_for_load_state("networkidle")
        for frame in evil.frames[1:]:
            assert await frame.locator("#text").count() == 0
        await evil.close()
    await page.reload()
    await expect(page.get_by_label("Your message")).to_be_visible()
