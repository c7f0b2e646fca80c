"""Chooses one of our languages for a reader, by the tags (BCP 47) that platforms and browsers send.

Tags come from outside, so tags that are not valid or not ours are skipped.
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache

from babel import Locale, UnknownLocaleError

# Our languages, with the names that their readers use.
NAMES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "pt-BR": "Português (Brasil)",
    "ja": "日本語",
    "zh-CN": "简体中文",
}
ENGLISH = "en"
# English with a mark on every letter: a letter without a mark belongs to a sentence outside the catalogue. CLDR has
# this tag for such languages. The bot offers it to nobody.
PSEUDO = "en-XA"
LONGEST_TAG = 35  # characters (RFC 5646, 4.4.1)
LONGEST_HEADER = 200  # characters of an Accept-Language header that are read


@lru_cache(maxsize=256)
def known(tag: str) -> str:
    """Our language for one tag such as `de-AT`, `es-419` or `pt`; empty if we have none.

    The script decides if a language has two: `zh-TW` is not `zh-CN`.
    """
    tag = tag[:LONGEST_TAG].replace("_", "-")
    if tag.lower() == PSEUDO.lower():
        return PSEUDO
    wanted = _parsed(tag)
    if wanted is None:
        return ""
    for name in NAMES:
        ours = locale_of(name)
        if ours.language == wanted.language and wanted.script in {None, "Latn", ours.script}:
            return name
    return ""


def first_known(tags: Iterable[str], otherwise: str = ENGLISH) -> str:
    """The first of these tags for which we have a language, else `otherwise`."""
    return next((found for tag in tags if (found := known(tag))), otherwise)


def accepted(header: str, otherwise: str = ENGLISH) -> str:
    """Our language for an Accept-Language header (RFC 9110, 12.5.4): the one with the highest weight."""
    weighted = [_weighed(part) for part in header[:LONGEST_HEADER].split(",")]
    ranked = sorted((each for each in weighted if each[0] > 0), key=lambda each: -each[0])
    return first_known((tag for _, tag in ranked), otherwise)


@lru_cache(maxsize=16)
def locale_of(language: str) -> Locale:
    """The rules for dates, numbers and lists in one of our languages."""
    return Locale.parse("en" if language == PSEUDO else language, sep="-")


def english_name(language: str) -> str:
    """The name of a language for a model: `German`, `Portuguese (Brazil)`."""
    return str(locale_of(language if language in NAMES else ENGLISH).english_name)


def _parsed(tag: str) -> Locale | None:
    """The locale of a tag, or of its language alone if the region is not known, as in Slack's `es-LA`."""
    for part in (tag, tag.partition("-")[0]):
        with suppress(ValueError, UnknownLocaleError):
            return Locale.parse(part, sep="-")
    return None


def _weighed(part: str) -> tuple[float, str]:
    tag, _, weight = part.partition(";")
    try:
        return float(weight.strip().removeprefix("q=") or 1), tag.strip()
    except ValueError:
        return 0.0, tag.strip()
