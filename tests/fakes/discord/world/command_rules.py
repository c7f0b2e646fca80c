"""What Discord takes as a slash command, with the translations (its documentation, "Application Commands")."""

import unicodedata
from collections.abc import Iterator

from .errors import form_error
from .models import JsonObject

MAX_NAME, MAX_DESCRIPTION, MAX_OPTIONS = 32, 100, 25
LOCALES = frozenset(
    "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th zh-CN ja"
    " zh-TW ko".split()
)  # https://docs.discord.com/developers/reference#locales


def check_command(body: JsonObject) -> None:
    """Refuse a command with anything in it that Discord would refuse. Raises ApiError 50035."""
    for name in _texts(body, "name"):
        if not _is_name(name):
            raise form_error("name", "APPLICATION_COMMAND_INVALID_NAME", f"Command name is invalid: {name}")
    for description in _texts(body, "description"):
        _check_length("description", description, MAX_DESCRIPTION)
    options = body.get("options") or []
    if len(options) > MAX_OPTIONS:
        raise form_error("options", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for option in options:
        check_command(option)
    choices = body.get("choices") or []
    if len(choices) > MAX_OPTIONS:
        raise form_error("choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for choice in choices:
        for name in _texts(choice, "name"):
            _check_length("name", name, MAX_DESCRIPTION)


def _texts(body: JsonObject, field: str) -> Iterator[str]:
    """A field in the default language, and in each other one."""
    yield body.get(field, "")
    for locale, text in (body.get(f"{field}_localizations") or {}).items():
        if locale not in LOCALES:
            raise form_error(f"{field}_localizations", "INVALID_LOCALE", f"Value is not a locale: {locale}")
        yield text


def _is_name(name: str) -> bool:
    """Whether a name has 1 to 32 letters, digits and marks of `-_'`, and no capital."""
    fits = 1 <= len(name) <= MAX_NAME and name == name.lower()
    return fits and all(letter in "-_'" or unicodedata.category(letter)[0] in "LN" for letter in name)


def _check_length(field: str, text: str, most: int) -> None:
    if not 1 <= len(text) <= most:
        raise form_error(field, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {most} in length.")
