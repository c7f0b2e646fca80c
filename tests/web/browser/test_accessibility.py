"""The page for everybody: the rules of axe-core in each state it can be in, and what works without a mouse."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.conftest import do_without
from tests.fakes.scripted_model import ScriptedModel
from tests.web.conftest import english

AXE = Path(__file__).parents[1] / "axe" / "node_modules" / "axe-core" / "axe.min.js"
RICH = """# Rivers

A **river** is *not* a [lake](https://example.org/lakes), says `man river`; ~~never~~ [^1]

> [!NOTE]
> Water is wet.

| river | flows into | km |
| --- | :---: | ---: |
| Rhine | North Sea | 1 233 |
| Danube | Black Sea | 2 850 |

- [x] source
- [ ] mouth

1. one
2. two

```python
# A comment, long enough that the line must be scrolled on a narrow screen: one two three four five six seven eight nine
class River(Water):
    def flow(self, to: str = "sea", *, km: float = 1.5e3) -> None:
        return print(f"{self.name!r} flows\\n", to, None, True, 0x1F)
```

```diff
- old
+ new
```

![a picture](https://example.org/picture.png) and $E = mc^2$

[^1]: As a rule.
"""
Scheme = Literal["light", "dark"]


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    found: Scheme = request.param
    return found


@pytest.fixture(params=[(1100, 800), (390, 800)], ids=["desktop", "phone"])
async def screen(request: pytest.FixtureRequest, chromium: Browser, site: str, scheme: Scheme) -> AsyncIterator[Page]:
    """The page on screens of both sizes, in light and in dark."""
    width, height = request.param
    context = await chromium.new_context(
        base_url=site, viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = await context.new_page()
    await page.goto("/")
    yield page
    await context.close()


async def inspect(page: Page) -> None:
    """Fail with what axe-core has to say, if it has anything."""
    if not AXE.is_file():
        do_without("axe-core (npm)")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate("axe.run()")
    said = [f"{v['id']}: {n['target'][0]} {n['failureSummary']}" for v in found["violations"] for n in v["nodes"]]
    if said:
        pytest.fail("\n".join(said), pytrace=False)


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Your message").fill(text)
    await page.keyboard.press("Enter")


async def test_empty_page(screen: Page) -> None:
    await inspect(screen)


async def test_answers_of_every_kind(screen: Page, model: ScriptedModel) -> None:
    model.pieces = [RICH]
    await say(screen, "Tell me about rivers")
    await expect(screen.locator(".turn[data-state=done] table")).to_be_visible()
    await screen.mouse.move(0, 0)
    await inspect(screen)
    await screen.get_by_role("button", name="Plain").click()
    await inspect(screen)


async def test_answers_under_way_in_the_queue_and_failed(screen: Page, model: ScriptedModel) -> None:
    model.refusal = "too spicy"
    await say(screen, "Refuse me")
    await expect(screen.locator(".turn[data-state=failed]")).to_be_visible()
    model.refusal = ""
    model.gate.clear()
    await say(screen, "Write")
    await expect(screen.locator(".turn[data-state=writing]")).to_be_visible()
    await say(screen, "Wait")
    await expect(screen.get_by_text(english("queued-next"))).to_be_visible()
    await screen.route("**/messages", lambda route: route.abort())
    await say(screen, "Not sent")
    await expect(screen.get_by_role("alert")).to_be_visible()
    await inspect(screen)


async def test_files_votes_an_edit_and_the_menu(screen: Page) -> None:
    files = [{"name": f"{name}.txt", "mimeType": "text/plain", "buffer": b"x"} for name in ("one", "two" * 40)]
    await screen.locator("#picker").set_input_files(files)  # type: ignore[arg-type]  # as its documentation has them
    await expect(screen.locator("#chips li")).to_have_count(2)
    await inspect(screen)
    await say(screen, "Look")
    await expect(screen.locator(".turn[data-state=done]")).to_be_visible()
    await screen.get_by_role("button", name="Good answer").click()
    await expect(screen.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    await screen.mouse.move(0, 0)
    await inspect(screen)
    await screen.get_by_role("button", name="Edit").click()
    await screen.get_by_label("Your question").fill("")
    await screen.locator("#picker").set_input_files(files)  # type: ignore[arg-type]
    await inspect(screen)
    await screen.get_by_role("button", name="Model and persona").click()
    await expect(screen.get_by_role("dialog")).to_be_visible()
    await inspect(screen)


async def test_past_chats(screen: Page) -> None:
    await say(screen, "A question")
    await expect(screen.locator(".turn[data-state=done]")).to_be_visible()
    if await screen.locator(".burger").is_visible():
        await screen.get_by_role("button", name="Past chats").click()
    await expect(screen.get_by_role("navigation").get_by_role("link", name="A question")).to_be_in_viewport()
    await inspect(screen)


async def test_error_page(screen: Page) -> None:
    await screen.goto("/c/none")
    await expect(screen.get_by_role("heading")).to_have_text(english("page-nothing-here"))
    await inspect(screen)


async def test_keys_alone_reach_everything(screen: Page, model: ScriptedModel) -> None:
    """Skip the list of chats, ask, stop, scroll code, ask again: without a mouse."""
    focus = screen.locator(":focus")
    await screen.locator(".skip").focus()
    await screen.keyboard.press("Enter")
    await expect(focus).to_have_id("text")
    model.pieces = [RICH, "end"]
    model.gate.clear()
    await screen.keyboard.type("Tell me about rivers")
    await screen.keyboard.press("Enter")
    await expect(screen.locator(".turn[data-state=writing] .code").first).to_be_visible()
    await screen.get_by_role("button", name="Stop").focus()
    await screen.keyboard.press("Enter")
    await expect(screen.locator(".turn[data-state=stopped]")).to_be_visible()
    await expect(focus).to_have_id("text")  # the pressed button is gone
    names = []
    for _ in range(14):
        await screen.keyboard.press("Shift+Tab")
        names.append(await focus.evaluate("found => found.getAttribute('aria-label') ?? found.textContent"))
    model.gate.set()
    assert names == [
        "Attach files", "As file", "Copy", "Plain", "Edit", "Regenerate", "Bad answer", "Good answer", "a picture",
        "Code diff", "Copy", "Code python", "Copy", "Table",
    ]  # fmt: skip


async def test_past_chats_open_and_close_by_key(screen: Page) -> None:
    burger = screen.get_by_role("button", name="Past chats")
    if not await burger.is_visible():
        return  # a wide screen shows them always
    await burger.focus()
    await screen.keyboard.press("Enter")
    await expect(burger).to_have_attribute("aria-expanded", "true")
    await expect(screen.locator(":focus")).to_have_text("New chat")
    await screen.keyboard.press("Escape")
    await expect(screen.locator(":focus")).to_have_attribute("aria-label", "Past chats")
    await expect(burger).to_have_attribute("aria-expanded", "false")
