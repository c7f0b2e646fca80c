"""Hears all that the page shows or reads out in the pseudo-language, and finds English words of ours in it.

The pseudo-language writes every letter of our sentences with a mark. So a word without marks is one that stands outside
the catalogue. Questions and answers are Greek, so that they are not taken for ours.
"""

import re
from functools import partial

import pytest
from playwright.async_api import Browser, BrowserContext, Dialog, Locator, Page, expect

from glados_bots.wording.catalogue import catalogue
from glados_bots.wording.languages import PSEUDO
from glados_web.status import PACKAGES
from tests.waiting import until

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
NOT_OURS = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(DATA, key=len, reverse=True)))})\b|\d+\.\d\S*")
MARKED = "AEIOUYaeiouycnsz"  # letters that the pseudo-language writes in another way


class Ear:
    """Hears a browser that wants the pseudo-language."""

    def __init__(self) -> None:
        self.heard: set[str] = set()

    async def listen(self, context: BrowserContext) -> None:
        await context.expose_function("hear", self._hear)
        await context.add_init_script(f"({LISTEN})()")
        context.on("dialog", self._accept)

    async def hears(self, *names: str) -> None:
        """Wait until each of these sentences was shown."""
        for name in names:
            try:
                await until(partial(self._has_heard, pattern_of(name)))
            except TimeoutError:
                pytest.fail(f"{name} was not shown, but {sorted(self.heard)}", pytrace=False)

    def left_over(self) -> list[str]:
        """Words in plain letters, with the text that they stand in."""
        return [text for text in self.heard if plain_words(NOT_OURS.sub("", text))]

    def _has_heard(self, pattern: re.Pattern[str]) -> bool:
        return any(map(pattern.search, self.heard))

    def _hear(self, texts: list[str]) -> None:
        self.heard.update(texts)

    async def _accept(self, dialog: Dialog) -> None:
        self.heard.add(dialog.message)
        await dialog.accept()


def pattern_of(name: str) -> re.Pattern[str]:
    """A sentence in the pseudo-language, in one or many, whatever it is about."""
    said = catalogue(PSEUDO)[name].string
    forms = [said] if isinstance(said, str) else list(said or ())
    return re.compile("|".join(".+".join(map(re.escape, re.split(r"\{\w+\}", form))) for form in forms))


def plain_words(text: str) -> list[str]:
    """Words of at least two letters of which none has a mark, though the pseudo-language would give it one."""
    words = re.findall(r"[^\W\d_]{2,}", text)
    return [word for word in words if word.isascii() and set(word) & set(MARKED)]


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


def turn(page: Page, number: int) -> Locator:
    return page.locator("#turns .turn").nth(number)


async def press(page: Page, action: str, number: int = 0) -> None:
    await turn(page, number).locator(f"[data-action={action}]").click()


async def until_state(page: Page, state: str, number: int = 0) -> None:
    await expect(turn(page, number)).to_have_attribute("data-state", state)


async def leave_and_come_back(page: Page) -> None:
    """Lose the cookie and the stream: it begins again at once."""
    await page.context.clear_cookies()
    await page.evaluate("""() => { for (const is of [true, false]) {
      Object.defineProperty(document, "hidden", { value: is, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    } }""")
