"""Chromium, which draws with two dots to a CSS pixel and in one set of fonts, on every machine."""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from playwright.async_api import Page, Route, async_playwright

from tests.web.browser.conftest import PROGRAMS

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
FONTS = Path(__file__).parent / "node_modules"
HOST = "http://fonts.invalid"  # answered by `_font`; RFC 2606 gives the name to nobody
SHEETS = (
    "@fontsource-variable/inter/index.css",
    "@fontsource-variable/jetbrains-mono/index.css",
    "@fontsource/noto-emoji/500.css",
)
STYLE = "".join(f'@import "{HOST}/{sheet}";' for sheet in SHEETS)


@asynccontextmanager
async def window(width: int, height: int) -> AsyncIterator[Page]:
    """A page in a browser of its own, `width` and `height` in CSS pixels. Raises SystemExit without Chromium."""
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        sys.exit("Chromium is not installed; tests/system_packages.sh installs it")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, chromium_sandbox=False, args=["--disable-gpu", "--font-render-hinting=none"]
        )
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=2,
            locale="en-US",
            reduced_motion="reduce",
            bypass_csp=True,  # the policy of our page lets no font in
        )
        await context.route(f"{HOST}/**", _font)
        yield await context.new_page()
        await browser.close()


async def snap(page: Page, scheme: Scheme, style: str = "") -> bytes:
    """A PNG of the whole page, however long, in our fonts if they are installed, with the rules of `style`."""
    await page.emulate_media(color_scheme=scheme)
    await page.add_style_tag(content=(STYLE if FONTS.exists() else "/* the fonts of this machine */") + style)
    await page.wait_for_load_state("networkidle")
    await page.evaluate("document.fonts.ready")
    return await page.screenshot(full_page=True, omit_background=True, animations="disabled", caret="hide")


async def _font(route: Route) -> None:
    path = FONTS / urlsplit(route.request.url).path.lstrip("/")
    if path.exists():
        await route.fulfill(path=path, headers={"Access-Control-Allow-Origin": "*"})
    else:
        await route.abort()
