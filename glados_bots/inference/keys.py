"""What a bearer key may be made of, for both ends of the wire."""

import re

from glados_bots.errors import ConfigError

PRINTABLE = re.compile(r"[!-~]+")


def checked(api_key: str | None) -> str | None:
    """The key, or None where none is set.

    Raises:
        ConfigError: an HTTP header cannot carry it. Found late, HTTP libraries would repeat it in their error texts.
    """
    if api_key and not PRINTABLE.fullmatch(api_key):
        raise ConfigError("GLADOS_API_KEY: only printable ASCII characters are allowed, no spaces, no line breaks")
    return api_key or None
