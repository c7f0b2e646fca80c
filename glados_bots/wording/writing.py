"""Writes a sentence in a language: with the catalogue's words, and with numbers, times and lists by CLDR's rules."""

import math
from datetime import UTC, datetime, timedelta

from babel.dates import format_datetime
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

from glados_bots.wording.catalogue import marked, template
from glados_bots.wording.languages import ENGLISH, NAMES, PSEUDO, locale_of
from glados_bots.wording.sentence import Sentence, Value

MINUTE_S = 60
HOUR_MIN = 60


def written(sentence: Sentence, language: str) -> str:
    """The text of a sentence. Raises UnknownSentenceError, or KeyError when a field has no value."""
    language = language if language in {*NAMES, PSEUDO} else ENGLISH  # another version may have stored a further one
    count = sentence.values.get("count")
    text = template(sentence.name, language, count if isinstance(count, int) else None)
    return text.format(**{name: shown(value, language) for name, value in sentence.values.items()})


def shown(value: Value, language: str) -> str:
    """Write one value by the rules of a language."""
    match value:
        case str():
            return value
        case Sentence():
            return value.in_language(language)
        case tuple():
            return _list([shown(each, language) for each in value], language)
        case timedelta():
            return _of_locale(_duration(value, language), language)
        case datetime():
            when = format_datetime(value.astimezone(UTC), "short", locale=locale_of(language))
            return _of_locale(f"{when} UTC", language)
    return str(format_decimal(value, locale=locale_of(language)))


def _list(entries: list[str], language: str) -> str:
    """Write `a, b and c`. The pseudo-language has no word for "and"."""
    return ", ".join(entries) if language == PSEUDO else str(format_list(entries, locale=locale_of(language)))


def _of_locale(text: str, language: str) -> str:
    return marked(text) if language == PSEUDO else text


def _duration(span: timedelta, language: str) -> str:
    """Write a time span, rounded up: `23 sec`, `12 min`, `5 hr 12 min`."""
    seconds = max(1, math.ceil(span.total_seconds()))
    if seconds < 2 * MINUTE_S:
        return _unit(seconds, "second", language)
    minutes = -(-seconds // MINUTE_S)
    if minutes < HOUR_MIN:
        return _unit(minutes, "minute", language)
    return f"{_unit(minutes // HOUR_MIN, 'hour', language)} {_unit(minutes % HOUR_MIN, 'minute', language)}"


def _unit(number: int, unit: str, language: str) -> str:
    return str(format_unit(number, f"duration-{unit}", length="short", locale=locale_of(language)))
