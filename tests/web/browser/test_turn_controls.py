"""Votes, edits of a sent question, and the menu of model and persona, in real Chromium."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from glados_bots.settings import Settings
from glados_web.app import create_app
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.browser.test_page import done, say, turn
from tests.web.conftest import english

pytestmark = pytest.mark.slow


def vote(page: Page, name: str, number: int = 0) -> Locator:
    return turn(page, number).get_by_role("button", name=english(name))


async def is_pressed(button: Locator, *, pressed: bool) -> None:
    await expect(button).to_have_attribute("aria-pressed", "true" if pressed else "false")


# --- votes -----------------------------------------------------------------------------------------------------------


async def test_a_vote_is_one_click_and_again_withdraws_it(page: Page) -> None:
    await say(page, "Speak")
    await done(page)
    good, bad = vote(page, "page-good"), vote(page, "page-bad")
    await good.click()
    await is_pressed(good, pressed=True)
    await bad.click()
    await is_pressed(bad, pressed=True)
    await is_pressed(good, pressed=False)
    await page.reload()
    await is_pressed(bad, pressed=True)
    await bad.focus()
    await page.keyboard.press("Enter")
    await is_pressed(bad, pressed=False)
    await page.reload()
    await is_pressed(bad, pressed=False)


async def test_a_running_answer_takes_no_vote_and_another_answer_has_none(page: Page, model: ScriptedModel) -> None:
    await say(page, "Speak")
    await done(page)
    await vote(page, "page-good").click()
    await is_pressed(vote(page, "page-good"), pressed=True)
    model.gate.clear()
    await turn(page).get_by_role("button", name=english("button-redo")).click()
    await expect(turn(page)).to_have_attribute("data-state", "writing")
    await expect(vote(page, "page-good")).to_have_count(0)
    model.gate.set()
    await done(page)
    await is_pressed(vote(page, "page-good"), pressed=False)


async def test_a_failed_answer_takes_no_vote(page: Page, model: ScriptedModel) -> None:
    model.refusal = "no"
    await say(page, "Speak")
    await expect(turn(page)).to_have_attribute("data-state", "failed")
    await expect(vote(page, "page-good")).to_have_count(0)
    await expect(turn(page).get_by_role("button", name=english("page-edit"))).to_be_visible()


# --- edits -----------------------------------------------------------------------------------------------------------


def box(page: Page) -> Locator:
    return page.get_by_label(english("page-your-question"))


async def test_an_edit_is_answered_anew_in_its_place_and_later_questions_stay(page: Page, model: ScriptedModel) -> None:
    await say(page, "  Wat?\n  really")
    await done(page)
    await say(page, "And then?")
    await done(page, 1)
    model.pieces = ["Another ", "answer"]
    await turn(page).get_by_role("button", name=english("page-edit")).click()
    await expect(box(page)).to_be_focused()
    await expect(box(page)).to_have_value("  Wat?\n  really")
    await expect(turn(page).locator(".question")).to_be_hidden()
    await box(page).fill("What?\nReally?")
    await page.get_by_role("button", name=english("page-save")).click()
    await expect(turn(page).locator(".answer")).to_have_text("Another answer")
    await done(page)
    await expect(box(page)).to_have_count(0)
    assert await turn(page).locator(".question").evaluate("q => q.lastChild.data") == "What?\nReally?"
    assert model.prompts[-1][-1]["content"] == "What?\nReally?"
    await expect(page.locator("#turns .turn")).to_have_count(2)
    await page.reload()
    await expect(turn(page).locator(".question")).to_contain_text("Really?")
    await expect(turn(page, 1).locator(".question")).to_contain_text("And then?")


async def test_three_keys_edit_the_last_question(page: Page, model: ScriptedModel) -> None:
    await say(page, "On")
    await done(page)
    await page.keyboard.press("ArrowUp")
    await expect(box(page)).to_be_focused()
    await page.keyboard.press("e")
    await page.keyboard.press("Enter")
    await expect(turn(page).locator(".question")).to_contain_text("One")
    await done(page)
    await expect(page.get_by_label("Your message")).to_be_focused()
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["On", "One"]


async def test_the_key_means_a_line_up_while_there_are_words(page: Page) -> None:
    await say(page, "One")
    await done(page)
    await page.get_by_label("Your message").fill("words")
    await page.keyboard.press("ArrowUp")
    await expect(box(page)).to_have_count(0)


async def test_escape_cancels_an_edit_and_stops_no_answer(page: Page, model: ScriptedModel) -> None:
    await say(page, "One")
    await done(page)
    model.gate.clear()
    await say(page, "Two")
    await expect(turn(page, 1)).to_have_attribute("data-state", "writing")
    await turn(page).get_by_role("button", name=english("page-edit")).click()
    await box(page).fill("Something else")
    await page.keyboard.press("Escape")
    await expect(box(page)).to_have_count(0)
    await expect(turn(page).locator(".question")).to_contain_text("One")
    await expect(turn(page, 1)).to_have_attribute("data-state", "writing")
    model.gate.set()
    await done(page, 1)
    assert len(model.prompts) == 2


async def test_a_refused_edit_says_why_beside_it_and_keeps_the_words(
    chromium: Browser, settings: Settings, model: ScriptedModel
) -> None:
    async with running(create_app(settings.model_copy(update={"limit_user_per_minute": 1}))) as url:
        page = await (await chromium.new_context(base_url=url)).new_page()
        await page.goto("/")
        await say(page, "One")
        await done(page)
        await page.keyboard.press("ArrowUp")
        alert = turn(page).get_by_role("alert")
        for words, sentence in (
            ("x" * 2001, english("page-too-long", length=2001, most=2000)),
            (" ", english("page-message-empty")),
            ("Two", "question"),
        ):
            await box(page).fill(words)
            await page.keyboard.press("Enter")
            await expect(alert).to_contain_text(sentence)
            await expect(box(page)).to_have_value(words)
            await expect(box(page)).to_be_focused()
        assert len(model.prompts) == 1
        await done(page)


async def test_another_tab_shows_the_new_words(page: Page, model: ScriptedModel) -> None:
    await say(page, "Old")
    await done(page)
    other = await page.context.new_page()
    await other.goto(page.url)
    model.gate.clear()
    await page.keyboard.press("ArrowUp")
    await box(page).fill("New")
    await page.keyboard.press("Enter")
    await expect(turn(other).locator(".question")).to_contain_text("New")
    model.gate.set()
    await done(other)


# --- model and persona -----------------------------------------------------------------------------------------------


async def open_menu(page: Page) -> Locator:
    await page.get_by_role("button", name=english("page-settings")).click()
    menu = page.get_by_role("dialog", name=english("page-settings"))
    await expect(menu).to_be_visible()
    return menu


async def test_a_model_is_chosen_in_two_clicks_also_before_the_first_question(page: Page, model: ScriptedModel) -> None:
    model.sees, model.others = True, ["another"]
    menu = await open_menu(page)
    choices = menu.get_by_label(english("page-model"))
    await expect(choices).to_be_focused()
    seeing = english("page-model-sees", model="scripted")
    await expect(choices.locator("option")).to_have_text(
        [english("page-default-model", model=seeing), seeing, "another"]
    )
    await choices.select_option("another")
    await expect(menu.get_by_role("status")).to_have_text(english("model-set", model="another"))
    await page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await say(page, "Speak")
    await done(page)
    assert model.fields[-1]["model"] == "another"
    await page.reload()
    menu = await open_menu(page)
    await expect(menu.get_by_label(english("page-model"))).to_have_value("another")
    await menu.get_by_label(english("page-model")).select_option("")
    await expect(menu.get_by_role("status")).to_have_text(english("model-unset"))


async def test_a_persona_is_set_and_a_wrong_one_refused(page: Page, model: ScriptedModel) -> None:
    menu = await open_menu(page)
    persona = menu.get_by_label(english("form-persona"))
    save = menu.get_by_role("button", name=english("page-save"))
    await expect(menu).to_contain_text(english("page-at-most", most=4000))
    await persona.fill("x" * 4001)
    await save.click()
    await expect(menu.get_by_role("status")).to_have_text(english("persona-too-long", length=4001, most=4000))
    await persona.fill("You are a pirate.")
    await save.click()
    await expect(menu.get_by_role("status")).to_have_text(english("persona-set"))
    await menu.get_by_role("button", name=english("page-close")).click()
    await expect(menu).to_be_hidden()
    await say(page, "Who are you?")
    await done(page)
    assert "You are a pirate." in model.prompts[0][0]["content"]
    menu = await open_menu(page)
    await expect(menu.get_by_label(english("form-persona"))).to_have_value("You are a pirate.")


async def test_escape_in_the_menu_stops_no_answer(page: Page, model: ScriptedModel) -> None:
    model.gate.clear()
    await say(page, "Speak")
    await expect(turn(page)).to_have_attribute("data-state", "writing")
    menu = await open_menu(page)
    await page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await expect(turn(page)).to_have_attribute("data-state", "writing")
    model.gate.set()
    await done(page)


async def test_a_menu_that_cannot_be_loaded_says_so(page: Page) -> None:
    async def abort(route: Route) -> None:
        await route.abort()

    await page.route("**/settings", abort)
    await page.get_by_role("button", name=english("page-settings")).click()
    await expect(page.locator("#problem")).to_contain_text(english("page-unreachable"))


def test_no_part_of_these_is_left_to_a_mouse() -> None:
    """Every control of the page is a button, a link or a field."""
    template = Path(__file__).parents[3] / "adapters" / "glados_web" / "templates" / "chat.html"
    lines = template.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "data-action=" in line and "<button" not in line] == []
