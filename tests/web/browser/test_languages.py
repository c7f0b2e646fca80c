"""Every page in every language: it fits a phone, axe-core has nothing to say, and a first visit loads little."""

import pytest
from playwright.async_api import Browser, Page, expect
from pydantic import SecretStr

from glados_bots.settings import Settings
from glados_bots.wording.languages import NAMES, PSEUDO
from glados_bots.wording.sentence import say
from glados_web.app import create_app
from glados_web.settings import WebSettings
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.browser.test_accessibility import RICH, inspect
from tests.web.browser.test_page import turn
from tests.web.conftest import HASH

pytestmark = pytest.mark.slow

NARROW = (320, 390)  # px: the smallest phone, which is also what 400 % of 1,280 leaves, and a usual one
MOST_BYTES = 45_000
BYTES = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""
BOTTOMS = "all => all.map((each) => Math.round(each.getBoundingClientRect().bottom))"
# What does not fit. Answers, code and tables are in test_screen.py; titles of chats may end in an ellipsis.
MISFITS = """() => {
  const isSeen = { visibilityProperty: true };
  const shown = [...document.querySelectorAll("body *")].filter((each) => each.checkVisibility(isSeen)
    && !each.closest(".sr-only, .skip, .question, .answer, .plain"));
  const name = (what, each) => `${what}: ${each.outerHTML.slice(0, 120)}`;
  const hides = (each) => getComputedStyle(each).textOverflow === "ellipsis";
  const out = shown.filter((each) => { const box = each.getBoundingClientRect();
    return box.width && (box.left < -1 || box.right > innerWidth + 1); });
  const cut = shown.filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth && !hides(each));
  const broken = shown.filter((each) => [...each.childNodes].some((node) => node.nodeType === Node.TEXT_NODE
    && [...node.data.matchAll(/[^\\s\\u2e80-\\uffef]+/g)].some(({ 0: word, index }) => {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      return new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size > 1;
    })));
  const boxes = (where) => shown.filter((each) => each.matches("a, button, input, textarea, h1") && each.closest(where))
    .map((each) => [each, each.getBoundingClientRect()]);
  const overlap = ["nav", "header", "main", "form"].map(boxes).flatMap((all) => all.flatMap(([one, a], index) => all
    .slice(index + 1)
    .filter(([other, b]) => !one.contains(other) && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
    .map(() => one)));
  return [...out.map((each) => name("out of the screen", each)), ...cut.map((each) => name("cut off", each)),
    ...broken.map((each) => name("a word in two lines", each)), ...overlap.map((each) => name("covered", each))];
}"""


async def visit(chromium: Browser, language: str, site: str | None = None) -> Page:
    return await chromium.new_page(
        base_url=site, locale=language, viewport={"width": 390, "height": 700}, reduced_motion="reduce"
    )


async def examine(page: Page) -> None:
    """Fail where something does not fit, in either width, or where axe-core finds fault, in light or dark."""
    await page.wait_for_load_state()  # with its style sheets
    for width in NARROW:
        await page.set_viewport_size({"width": width, "height": 700})
        await page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")  # of the drawer
        assert await page.evaluate(MISFITS) == [], width
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        await inspect(page)


async def ask(page: Page, text: str, number: int, state: str) -> None:
    await page.locator("#text").fill(text)
    await page.keyboard.press("Enter")
    await expect(turn(page, number)).to_have_attribute("data-state", state)


@pytest.mark.parametrize("language", [*NAMES, PSEUDO])
async def test_the_chat_fits(chromium: Browser, site: str, model: ScriptedModel, language: str) -> None:
    page = await visit(chromium, language, site)
    await page.goto("/")
    assert await page.evaluate(BYTES) <= MOST_BYTES
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await examine(page)
    model.pieces = [RICH]
    await ask(page, "Rivers", 0, "done")
    model.refusal = "too spicy"
    await ask(page, "Refuse me", 1, "failed")
    model.refusal = ""
    model.gate.clear()
    model.pieces = ["One ", "two"]
    await ask(page, "Write", 2, "writing")
    await ask(page, "Wait", 3, "waiting")
    await expect(turn(page, 3).locator(".notice")).to_have_text(say("queued-next").in_language(language))
    await page.locator("#text").fill("x" * 2001)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    await examine(page)
    bottoms = await page.locator("header :is(button, .button):visible").evaluate_all(BOTTOMS)
    assert len(bottoms) == 5
    assert len(set(bottoms)) == 1, "the header has one line"
    await page.locator(".burger").click()
    await expect(page.locator(".chats [aria-current]")).to_be_in_viewport()
    await examine(page)
    await page.goto("/c/none")
    await examine(page)


@pytest.mark.parametrize("language", [*NAMES, PSEUDO])
async def test_sign_in_and_status_fit(chromium: Browser, settings: Settings, language: str) -> None:
    web = WebSettings(
        password=SecretStr(HASH), public_url="http://localhost:1", oidc_issuer="http://localhost:1", oidc_client_id="x"
    )
    limits = {"limit_user_per_minute": 5, "limit_user_tokens_per_day": 100_000, "limit_channel_per_minute": 5}
    admin = settings.model_copy(update={"admins": "web:local", **limits})
    async with running(create_app(settings, web)) as locked, running(create_app(admin)) as site:
        page = await visit(chromium, language)
        await page.goto(locked)
        await page.locator("#password").fill("not the password")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_be_visible()
        await examine(page)
        for path in ("/status?still", "/status"):
            await page.goto(site + path)
            await examine(page)


async def test_what_does_not_fit_is_noticed(chromium: Browser) -> None:
    page = await visit(chromium, "en")
    await page.set_content("""<main><p style="width: 500px">wide</p><p style="width: 3em; overflow: hidden">overlong</p>
        <p style="width: 3em; overflow-wrap: anywhere">syllables</p><button>one</button>
        <button style="margin-left: -20px">two</button><p style="width: 3em">日本語の文</p></main>""")
    found = await page.evaluate(MISFITS)
    assert [each.partition(":")[0] for each in found] == [
        "out of the screen", "cut off", "cut off", "a word in two lines", "covered",
    ]  # fmt: skip


# --- right to left ---------------------------------------------------------------------------------------------------

HEBREW = """שלום (עולם)! הנה `print("x")`.

An English paragraph.

- [x] משימה
- אחת

> ציטוט

```python
print("א")
```
"""
LEFT = "each => each.getBoundingClientRect().left"
RIGHT = "each => each.getBoundingClientRect().right"


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("question", ["מה זה?", "ما هذا؟"])
async def test_words_from_right_to_left_stand_right_in_every_language(
    chromium: Browser, site: str, model: ScriptedModel, language: str, question: str
) -> None:
    page = await visit(chromium, language, site)
    await page.goto("/")
    model.pieces = [HEBREW]
    await page.locator("#text").fill(question)
    assert await direction(page, "#text") == "rtl"
    await page.keyboard.press("Enter")
    await expect(turn(page)).to_have_attribute("data-state", "done")
    for _ in range(2):  # as it was sent, and as the server shows it
        for where in ("#turns .question", ".answer", ".answer li", ".answer blockquote", ".chats [aria-current]"):
            assert await direction(page, where) == "rtl", where
        assert await direction(page, "html") == await direction(page, ".notice") == "ltr"
        for where in (".answer .code", ".answer p code"):
            assert await direction(page, where) == "ltr", where
        lines = page.locator(".answer > p")
        sides = [await lines.nth(index).evaluate(FIRST_LINE) for index in range(2)]
        assert sides[0]["right"] == pytest.approx(await lines.first.evaluate(RIGHT), abs=1)
        assert sides[1]["left"] == pytest.approx(await lines.first.evaluate(LEFT), abs=1)
        assert await page.evaluate(MISFITS) == []
        await page.reload()


FIRST_LINE = """(each) => {
  const range = document.createRange();
  range.selectNodeContents(each);
  const { left, right } = range.getBoundingClientRect();
  return { left, right };
}"""


async def direction(page: Page, where: str) -> str:
    return str(await page.locator(where).first.evaluate("each => getComputedStyle(each).direction"))
