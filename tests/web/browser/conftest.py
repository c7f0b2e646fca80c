"""The page in real Chromium: one browser for all tests of a process, a fresh profile in it for each.

Its driver talks within one event loop, so all tests of this folder share one; the others have one each.
"""

import asyncio
import shutil
from asyncio import Runner
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.conftest import do_without
from tests.fakes.scripted_model import ScriptedModel
from tests.waiting import LONGEST_S
from tests.web.browser.ear import Ear

PATIENCE_MS = 1000 * LONGEST_S
expect.set_options(timeout=PATIENCE_MS)  # a busy machine draws late
# The first draws no windows, as Playwright's own does: a third of the processor time for each page.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
OFFICE = "glados-box"  # a name of this machine; on plain http, no browser takes it for a secure place
OPTIONS = [
    "--disable-gpu", "--disable-background-networking", "--disable-extensions",
    "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding", f"--host-resolver-rules=MAP {OFFICE} 127.0.0.1",
]  # fmt: skip


@pytest.fixture
def _function_scoped_runner(_session_scoped_runner: Runner) -> Runner:
    """Where pytest-asyncio runs these tests and their fixtures: in the loop of the browser's driver."""
    return _session_scoped_runner


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        do_without("Chromium")
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=path, chromium_sandbox=False, args=OPTIONS, timeout=2 * PATIENCE_MS
        )
        yield found
        await found.close()


@pytest.fixture
async def chromium(browser: Browser) -> AsyncIterator[Browser]:
    """The browser, in which a test leaves nothing: neither pages nor tasks, which no end of a loop cancels here."""
    before = asyncio.all_tasks()
    yield browser
    for context in browser.contexts:
        await context.close()
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


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


@pytest.fixture
async def ear(model: ScriptedModel) -> AsyncIterator[Ear]:
    """At the end of a test, all that was heard must be in the pseudo-language."""
    model.pieces = ["Απάν", "τηση"]
    found = Ear()
    yield found
    assert found.heard
    assert found.left_over() == []
