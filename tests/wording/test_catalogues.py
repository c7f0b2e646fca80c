"""The catalogues: complete in every language, and compared with what the code asks for."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.catalog import Message

from glados_bots.store.limits import Excess, Kind
from glados_bots.store.usage import Used
from glados_bots.turns.answering import place_in_queue
from glados_bots.wire.refusals import KNOWN
from glados_bots.wording.catalogue import catalogue
from glados_bots.wording.languages import ENGLISH, NAMES
from glados_bots.wording.sentence import say
from tests.wording.english import CODE, PAGES, SCRIPTS

FIELD = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")
# Beginnings of names that the code puts together.
BEGINNINGS = ("choice-thinking-", "command-", "limit-", "used-", "server-4")


@cache
def messages(language: str) -> dict[str, Message]:
    return {(each.id if isinstance(each.id, str) else each.id[0]): each for each in catalogue(language) if each.id}


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def fields(message: Message) -> set[str]:
    return {name for form in forms(message) for name in FIELD.findall(form)}


@pytest.mark.parametrize("language", NAMES)
def test_every_language_has_every_sentence_with_the_same_fields(language: str) -> None:
    english, found = messages(ENGLISH), messages(language)
    assert [name for name in english if name not in found] == [], f"add these to {language}.po"
    assert list(found) == list(english)
    wrong = {
        name: forms(message)
        for name, message in found.items()
        if fields(message) != fields(english[name])
        or message.fuzzy
        or not all(form.strip() for form in forms(message))
        or isinstance(message.id, str) != isinstance(english[name].id, str)
    }
    assert not wrong


@pytest.mark.parametrize("language", NAMES)
def test_every_plural_has_as_many_forms_as_its_language(language: str) -> None:
    wanted = catalogue(language).num_plurals
    plurals = {name: forms(message) for name, message in messages(language).items() if not isinstance(message.id, str)}
    assert plurals
    assert {name for name, found in plurals.items() if len(found) != wanted} == set()


@pytest.mark.parametrize("language", [language for language in NAMES if language != ENGLISH])
def test_no_sentence_was_left_in_english(language: str) -> None:
    """Short words may be alike; a sentence of four words and more is not."""
    english = messages(ENGLISH)
    same = [name for name, message in messages(language).items() if forms(message) == forms(english[name])]
    assert [name for name in same if len(re.findall(r"[a-z]{2,}", forms(english[name])[0])) > 3] == []


@pytest.mark.parametrize("language", NAMES)
def test_what_must_stay_as_it_is_stays(language: str) -> None:
    """Code, keys on a keyboard, and line breaks that make paragraphs and lists."""
    kept = re.compile(r"`[a-z:{}]+`|Shift\+Enter|\bEsc\b|UTC|JSON|GLaDOS|\*\*|\n", re.ASCII)
    english = messages(ENGLISH)
    wrong = {
        name: (kept.findall(forms(english[name])[-1]), kept.findall(forms(message)[-1]))
        for name, message in messages(language).items()
        if sorted(kept.findall(forms(english[name])[-1])) != sorted(kept.findall(forms(message)[-1]))
    }
    assert not wrong


@pytest.mark.parametrize("language", NAMES)
def test_discord_takes_every_name_and_description_of_a_command(language: str) -> None:
    found = {name: forms(message)[0] for name, message in messages(language).items()}
    described = {name: text for name, text in found.items() if name.endswith(("-does", "-is")) and "-" in name}
    called = {
        name: text for name, text in found.items()
        if name.startswith(("command-", "option-")) and not name.endswith(("-does", "-is"))
    }  # fmt: skip
    assert {
        name for name, text in described.items() if name.startswith(("command-", "option-")) and len(text) > 100
    } == set()
    assert {
        name: text for name, text in called.items() if not re.fullmatch(r"[-\w]{1,32}", text) or text != text.lower()
    } == {}
    commands = [text for name, text in called.items() if name.startswith("command-")]
    assert len(commands) == len(set(commands)) == 13


@pytest.mark.parametrize("language", NAMES)
def test_slack_takes_the_labels_of_forms_and_buttons(language: str) -> None:
    found = {name: forms(message)[0] for name, message in messages(language).items()}
    most = {
        **dict.fromkeys(["form-channel", "form-save", "form-cancel", "form-about", "form-ask"], 24),
        **dict.fromkeys(["forget-yes", "forget-no"], 30),
        **dict.fromkeys(
            ["button-stop", "button-redo", "button-retry", "home-forget", "home-export", "home-refresh"], 75
        ),
        **dict.fromkeys(["form-model", "form-persona", "form-language", "form-question"], 2000),
        **dict.fromkeys(["forget-title"], 100),
        **dict.fromkeys(["good-answer", "bad-answer", "good-answer-label", "bad-answer-label"], 75),
    }
    assert {name: found[name] for name, limit in most.items() if len(found[name]) > limit} == {}


# --- the code --------------------------------------------------------------------------------------------------------


def calls(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Each `say("name", field=…)` of a module: the name, and its fields."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say" and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and not any(keyword.arg is None for keyword in node.keywords):
                yield str(name.value), {str(keyword.arg) for keyword in node.keywords}


def test_every_call_names_a_sentence_and_gives_it_its_fields() -> None:
    english = messages(ENGLISH)
    found = [(path, *call) for path in CODE for call in calls(path)]
    assert len(found) > 100
    wrong = [
        (path.name, name, given)
        for path, name, given in found
        if name not in english or not fields(english[name]) <= given or given - fields(english[name]) - {"count"}
    ]
    assert wrong == []


def test_every_name_that_the_code_puts_together_is_a_sentence_with_its_fields() -> None:
    """Writing a sentence raises KeyError where the catalogue lacks it, or a field has no value."""
    scopes, kinds = ("user:1", "channel:1", "server:1", "all"), get_args(Kind)
    found = [Excess(scope, kind, 5, is_repeat=False).sentence for scope in scopes for kind in kinds]
    found += [Used(scope, kind, 1, 2).sentence for scope in ("user", "channel", "all") for kind in ("minute", "day")]
    found += [place_in_queue(place, wait_s) for place in (0, 1) for wait_s in (None, 5.0)]
    found += [say(f"server-{status}") for status in KNOWN]
    assert len(set(map(str, found))) == len(found)


def test_every_name_in_a_template_or_script_is_a_sentence() -> None:
    called = re.compile(r'say\("([\w-]+)"')
    names = {name for path in [*PAGES, *SCRIPTS] for name in called.findall(path.read_text())}
    assert names
    assert names <= messages(ENGLISH).keys()


def test_no_sentence_is_there_that_nobody_says() -> None:
    text = "\n".join(path.read_text() for path in [*CODE, *PAGES, *SCRIPTS])
    asked = set(re.findall(r"""["']([a-z][a-z0-9-]+)["']""", text))
    states = {f"status-{state}{end}" for state in ("well", "waiting", "away") for end in ("", "-means")}
    known = asked | states | {f"{name}{end}" for name in asked for end in ("-label", "-text", "-wait")}
    assert [name for name in messages(ENGLISH) if name not in known and not name.startswith(BEGINNINGS)] == []
