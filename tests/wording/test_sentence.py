"""Sentences as values: what they say in each language."""

from datetime import UTC, datetime, timedelta

import pytest

from glados_bots.errors import GladosError, RequestRejectedError
from glados_bots.wording.catalogue import UnknownSentenceError
from glados_bots.wording.languages import NAMES, PSEUDO
from glados_bots.wording.sentence import NOTHING, Value, joined, say
from glados_bots.wording.writing import shown


def test_one_and_many_are_said_as_each_language_says_them() -> None:
    assert str(say("queued", count=1)) == "1 answer comes before this one."
    assert str(say("queued", count=2)) == "2 answers come before this one."
    german = {say("queued", count=count).in_language("de") for count in (1, 2)}
    assert len(german) == 2
    japanese = [say("queued", count=count).in_language("ja") for count in (1, 2)]
    assert japanese[0].replace("1", "2") == japanese[1]


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        (1234567, "1,234,567", "1.234.567"),
        (timedelta(seconds=0.2), "1 sec", "1 Sek."),
        (timedelta(seconds=22.1), "23 sec", "23 Sek."),
        (timedelta(seconds=119), "119 sec", "119 Sek."),
        (timedelta(seconds=121), "3 min", "3 Min."),
        (timedelta(hours=5, minutes=12), "5 hr 12 min", "5 Std. 12 Min."),
        (timedelta(days=2), "48 hr 0 min", "48 Std. 0 Min."),
        (("`a`", "`b`", "`c`"), "`a`, `b`, and `c`", "`a`, `b` und `c`"),
        (datetime(2026, 11, 28, 13, 5, tzinfo=UTC), "11/28/26, 1:05\u202fPM UTC", "28.11.26, 13:05 UTC"),
        ("{braces} %s", "{braces} %s", "{braces} %s"),
    ],
)
def test_numbers_times_and_lists_are_written_as_each_language_writes_them(
    value: Value, english: str, german: str
) -> None:
    assert (shown(value, "en"), shown(value, "de")) == (english, german)


def test_words_of_people_are_never_read_as_a_template() -> None:
    hostile = "{apology} {0} {count.__class__} {{}} %(x)s"
    assert hostile in str(say("persona-is", persona=hostile))


def test_a_sentence_within_a_sentence_is_in_the_same_language() -> None:
    whole = say("not-read", files=(say("file-unread", name="a.pdf", reason=say("file-no-text")),)).in_language("de")
    assert say("file-no-text").in_language("de") in whole
    assert "I read" not in whole


def test_what_says_nothing_is_left_out() -> None:
    assert joined(NOTHING, say("stopped"), NOTHING) == say("stopped")
    assert joined(NOTHING) == NOTHING
    assert not NOTHING
    assert NOTHING.in_language("de") == ""
    assert str(joined(say("stopped"), say("thinking"), by="two-lines")) == "Stopped.\nThinking…"


@pytest.mark.parametrize("language", ["", "it", "xx", "../en", "zh-TW"])
def test_a_language_that_a_later_version_stored_is_read_in_english(language: str) -> None:
    assert say("queued", count=2).in_language(language) == str(say("queued", count=2))


def test_nobody_knows_a_sentence_that_is_in_no_catalogue() -> None:
    with pytest.raises(UnknownSentenceError, match="no-such-thing"):
        say("no-such-thing").in_language("de")


def test_an_error_is_english_in_the_log_and_a_sentence_for_its_reader() -> None:
    error = RequestRejectedError(say("server-413"), 413)
    assert str(error) == str(say("server-413"))
    assert error.sentence.in_language("de") != str(error)
    assert GladosError("a fault of the operator's").sentence == NOTHING


def test_the_pseudo_language_marks_all_that_is_ours_and_nothing_else() -> None:
    text = say("limit-day-user", wait=timedelta(seconds=5)).in_language(PSEUDO)
    assert text.startswith("⟦")
    assert text.endswith("⟧")
    assert say("no-such-command", word="Ada", help="`/help`").in_language(PSEUDO).count("Ada") == 1
    assert PSEUDO not in NAMES
