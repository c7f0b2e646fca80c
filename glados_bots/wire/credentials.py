"""Which characters an API key may have, for both ends of the wire, and the one place that reads it from headers."""

import re

from starlette.datastructures import Headers

from glados_bots.errors import ConfigError

PRINTABLE = re.compile(r"[!-~]+")


def checked(api_key: str | None) -> str | None:
    """The key, or None if none is set.

    Raises:
        ConfigError: an HTTP header cannot carry it. Later, HTTP libraries would show the key in their error texts.
    """
    if api_key and not PRINTABLE.fullmatch(api_key):
        raise ConfigError("GLADOS_API_KEY: only printable ASCII characters are allowed, no spaces, no line breaks")
    return api_key or None


def credential(headers: Headers) -> str | None:
    """The key that a client sent: `Authorization: Bearer KEY` or `X-Api-Key: KEY`. None without a key, or with two.

    Both spellings mean the same, because every check follows this function.
    """
    bearer, plain = headers.getlist("authorization"), headers.getlist("x-api-key")
    if len(bearer) + len(plain) != 1:
        return None
    if plain:
        return plain[0].strip() or None
    scheme, _, token = bearer[0].partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None
