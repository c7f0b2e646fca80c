"""Slack takes our labels, forms, home, prompts and errors in every language: the fake knows its limits."""

from datetime import timedelta
from unittest.mock import MagicMock

import pytest

from glados_bots.conversation import LANGUAGE, Turn
from glados_bots.store.channels import LONGEST_GRAPHEME, LONGEST_PERSONA, ChannelSettings
from glados_bots.surface import State, View
from glados_bots.turns.answering import ENDINGS
from glados_bots.wording.languages import NAMES
from glados_bots.wording.sentence import Sentence, joined, say
from glados_slack.answers.look import MAX_NOTICE, content
from glados_slack.answers.refusals import CLOSED
from glados_slack.answers.status import line
from glados_slack.form_handlers import MAX_ERROR
from glados_slack.incoming.forms import about_form, channel_form
from glados_slack.incoming.home import PROMPTS, Home, forget_question
from tests.fakes.slack.blocks.checks import check_message_blocks, check_view_blocks
from tests.fakes.slack.world.views import check_view

pytestmark = pytest.mark.parametrize("language", NAMES)
LONG = "m" * 75  # a model's name as long as an option takes
BIG = 10**6
WAIT = timedelta(hours=23, minutes=59)


def test_forms(language: str) -> None:
    for models in ([], ["scripted"], [LONG]):
        check_view(channel_form({"channel": "C1"}, ChannelSettings(LONG, "x", language), models, language), "modal")
    check_view(about_form("key", language), "modal")


@pytest.mark.parametrize("state", ["waiting", "writing", "done", "failed", "stopped"])
def test_buttons_and_votes(language: str, state: State) -> None:
    turn = Turn("t", "c", "U1", "hi", place={LANGUAGE: language})
    check_message_blocks(content(turn, View("", "", state, is_last=True))["blocks"])


async def test_the_home_and_what_is_asked_before_forgetting(language: str) -> None:
    check_message_blocks(forget_question(language)["blocks"])
    shared = MagicMock()
    shared.core.commands.status = _says(say("status-idle"))
    shared.core.commands.privacy = lambda _: say("privacy", time=say("days", count=30), export="e", forget="f")
    shared.core.records.conversations_of = _says([])
    check_view_blocks(await Home(shared)._blocks({}, "U1", language))


def _says(what: object) -> object:
    async def say_it(*_: object) -> object:
        return what

    return say_it


def test_prompts_and_status_lines_are_one_line_that_people_can_read_at_a_glance(language: str) -> None:
    """Slack names no limits for these; a prompt's title is as long as a button's at most."""
    titles = [say(name).in_language(language) for name in ("prompts-title", *PROMPTS)]
    assert [title for title in titles if len(title) > 75 or "\n" in title] == []
    lines = [
        line(say(name).in_language(language)).in_language(language) for name in ("queued-next", "model-unreachable")
    ]
    assert [text for text in [*lines, line("").in_language(language)] if len(text) > 250 or "\n" in text] == []


def test_small_print_is_not_cut(language: str) -> None:
    older = say("older-left-out", count=BIG)
    notices = [joined(older, ended) for ended in ENDINGS.values()]
    notices += [say("paused"), say("model-unreachable"), say("model-queue-wait", place=BIG, wait=WAIT)]
    assert [text for one in notices if len(text := one.in_language(language)) > MAX_NOTICE] == []


def errors() -> list[Sentence]:
    """What may stand below a field of a form. Only a list of models may be longer."""
    limits = [say(f"limit-{kind}-{who}", wait=WAIT) for kind in ("minute", "day") for who in ("user", "channel", "all")]
    limits += [say(f"limit-open-{who}") for who in ("user", "channel", "all")]
    closed = [say("cannot-answer-there", reason=reason) for reason in CLOSED.values()]
    names = ("no-question", "took-too-long", "nowhere", "slack-refused", "not-yours-slack", "not-for-you", "broken")
    return [
        *map(say, (*names, "not-for-outsiders", "not-in-channel", "store-unreachable", "model-list-unreachable")),
        *limits, *closed, say("queue-full", count=10), say("too-long", length=BIG, most=BIG),
        say("persona-too-long", length=BIG, most=LONGEST_PERSONA), say("persona-marks", most=LONGEST_GRAPHEME),
    ]  # fmt: skip


def test_errors_in_forms_lose_a_word_at_most(language: str) -> None:
    found = [one.in_language(language) for one in errors()]
    assert [text for text in found if len(text) > MAX_ERROR + 10] == []
