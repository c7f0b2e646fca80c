"""What the empty page says where the model is only for trying GLaDOS."""

import pytest
from playwright.async_api import Browser, Page, expect

from glados_bots.wording.languages import NAMES
from glados_bots.wording.sentence import say
from tests.fakes.scripted_model import ScriptedModel

pytestmark = pytest.mark.slow

COMMAND = "glados up --model some_model"


async def test_the_empty_page_names_the_command_for_a_useful_model(page: Page, model: ScriptedModel) -> None:
    line = page.locator(".welcome .small-model")
    await expect(page.locator(".welcome h2")).to_be_visible()
    await expect(line).to_have_count(0)  # the model is useful
    model.useful = {"command": COMMAND, "tokens_per_second": 12}
    await page.reload()
    await expect(line).to_have_text(f"{say('page-small-model', speed=12)} {COMMAND}")
    await expect(line.locator("code")).to_have_text(COMMAND)
    await page.get_by_label("Your message").fill("Hello")
    await page.keyboard.press("Enter")
    await expect(page.locator(".turn").first).to_be_visible()
    await expect(line).to_be_hidden()
    await page.reload()
    await expect(page.locator(".turn").first).to_be_visible()
    await expect(line).to_have_count(0)


@pytest.mark.parametrize("language", NAMES)
async def test_the_line_fits_a_phone_in_each_language(
    chromium: Browser, site: str, model: ScriptedModel, language: str
) -> None:
    model.useful = {"command": "glados up --model some_rather_long_name_of_a_model", "tokens_per_second": 1234}
    context = await chromium.new_context(locale=language, base_url=site, viewport={"width": 360, "height": 640})
    opened = await context.new_page()
    await opened.goto("/")
    sentence = say("page-small-model", speed=1234).in_language(language)
    await expect(opened.locator(".small-model")).to_contain_text(sentence)
    width = await opened.evaluate("document.documentElement.scrollWidth")
    inner = await opened.locator(".small-model").evaluate("line => line.scrollWidth - line.clientWidth")
    assert (width, inner) == (360, 0)
