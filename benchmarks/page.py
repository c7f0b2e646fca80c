"""How large the chat page is and how long it takes to load: `python benchmarks/page.py`.

It loads the real page in real Chromium, with an empty browser cache. Bytes are those that came over the network; times
are the browser's own, in ms from the beginning of the navigation. Each round has a new browser profile.
"""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "adapters")]

from playwright.async_api import Browser, async_playwright  # noqa: E402

from glados_bots.settings import Settings  # noqa: E402
from glados_web.app import create_app  # noqa: E402
from tests.conftest import running_store, store_command  # noqa: E402
from tests.fakes.scripted_model import ScriptedModel  # noqa: E402
from tests.servers import running  # noqa: E402

TIMES = """() => {
  const page = performance.getEntriesByType("navigation")[0];
  const all = [page, ...performance.getEntriesByType("resource")];
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return {
    files: all.length,
    bytes: all.reduce((sum, entry) => sum + entry.transferSize, 0),
    painted: paint ? paint.startTime : null,
    loaded: page.loadEventEnd,
  };
}"""


async def load(browser: Browser, url: str) -> dict[str, Any]:
    """Load the page once in a new profile. Returns the figures of TIMES."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url, wait_until="load")
    figures: dict[str, Any] = {}
    while not (figures.get("painted") and figures.get("loaded")):  # the browser reports them a moment later
        await page.wait_for_timeout(20)
        figures = await page.evaluate(TIMES)
    await context.close()
    return figures


async def run(rounds: int) -> None:
    """Measure and print."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("left out: Chromium is not installed")
        return
    model = ScriptedModel()
    model.gate.set()
    with tempfile.TemporaryDirectory() as folder, running_store(store_command("valkey", Path(folder))) as redis_url:
        async with running(model.app()) as inference:
            settings = Settings(redis_url=redis_url, inference_url=f"{inference}/v1", grace=1)
            async with running(create_app(settings)) as site, async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                found = [await load(browser, site) for _ in range(rounds + 1)][1:]
                await browser.close()
    painted, loaded = (statistics.median(one[name] for one in found) for name in ("painted", "loaded"))
    weight = found[0]["bytes"] / 1000
    print(f"{found[0]['files']} files, {weight:.1f} kB over the wire; first words painted after {painted:.0f} ms, "
          f"loaded after {loaded:.0f} ms (medians of {rounds})")  # fmt: skip
    print(f"summary: page | {weight:.1f} kB, painted after {painted:.0f} ms, loaded after {loaded:.0f} ms")


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    asyncio.run(run(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
