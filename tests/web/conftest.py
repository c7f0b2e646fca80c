"""The page as it runs: uvicorn, a real Valkey, a scripted model at the far end of the wire, and real Chromium."""

import shutil
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright

from glados_bots.settings import Settings
from glados_web.app import create_app
from tests.conftest import do_without
from tests.fakes.scripted_model import ScriptedModel, serve

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture
async def model() -> ScriptedModel:
    """Answers at once, until the test closes its gate."""
    scripted = ScriptedModel()
    scripted.gate.set()
    return scripted


@pytest.fixture
async def settings(redis_url: str, model: ScriptedModel) -> AsyncIterator[Settings]:
    """Settings of a page on the empty database and the scripted model."""
    async with serve(model.app()) as url:
        yield Settings(redis_url=redis_url, inference_url=f"{url}/v1", grace=1, message_max_chars=2000)


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[str]:
    """URL of the running page."""
    async with serve(create_app(settings)) as url:
        yield url


@pytest.fixture
async def visitor(site: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser's HTTP side, which has seen the page."""
    async with httpx.AsyncClient(base_url=site, trust_env=False) as client:
        await client.get("/")
        yield client


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A real browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        do_without("Chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield browser
        await browser.close()


@pytest.fixture
async def page(chromium: Browser, site: str) -> AsyncIterator[Page]:
    """The page in a fresh browser profile. A script error or a violated policy fails the test."""
    context = await chromium.new_context(base_url=site, viewport={"width": 1100, "height": 800})
    opened = await context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)
    await opened.goto("/")
    yield opened
    await context.close()
    assert problems == []
