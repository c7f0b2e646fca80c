"""Reads the gettext files of the sentences, once per language.

A file is read as text at its first use, so a translation needs no build step. People read English if a language lacks
a sentence; tests keep every language complete.
"""

import io
import re
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from glados_bots.wording.languages import ENGLISH, PSEUDO

PLURAL = "{count}"
# What a pseudo-translation does not change: fields, code, and addresses of files and pages.
_KEPT = re.compile(r"(\{[^{}]*\}|`[^`]*`|https?://\S+)")
_MARKED = str.maketrans("AEIOUYaeiouycnsz", "ÅÉÎÖÛÝåéîöûýçñšž")


class UnknownSentenceError(KeyError):
    """The code asks for a sentence that no catalogue has."""


@cache
def catalogue(language: str) -> Catalog:
    """The file of one language. The pseudo-language is made from English."""
    if language == PSEUDO:
        return _pseudo(catalogue(ENGLISH))
    path = files("glados_bots.wording") / "catalogues" / f"{language}.po"
    return read_po(io.BytesIO(path.read_bytes()), locale=language.replace("-", "_"), abort_invalid=True)


def template(name: str, language: str, count: int | None = None) -> str:
    """The text of a sentence before its fields are filled in. `count` chooses the plural form.

    Raises:
        UnknownSentenceError: no catalogue has it.
    """
    translations = _translations(language)
    found = translations.ngettext(name, name, 1 if count is None else count)
    if found == name:  # the sentence has no plural
        found = translations.gettext(name)
    if found == name:
        raise UnknownSentenceError(name)
    return found


@cache
def _translations(language: str) -> NullTranslations:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    translations = GNUTranslations(compiled)
    if language != ENGLISH:
        translations.add_fallback(_translations(ENGLISH))
    return translations


def _pseudo(english: Catalog) -> Catalog:
    pseudo = Catalog(locale=ENGLISH, fuzzy=False)
    for message in english:
        if message.id:
            forms = message.string
            pseudo.add(message.id, marked(forms) if isinstance(forms, str) else tuple(map(marked, forms or ())))
    return pseudo


def marked(text: str) -> str:
    """A text in the pseudo-language: readable, and easy to tell from any other text."""
    parts = _KEPT.split(text)
    return "⟦" + "".join(part if i % 2 else part.translate(_MARKED) for i, part in enumerate(parts)) + "⟧"
