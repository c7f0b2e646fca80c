"""The shared password, as an Argon2 hash from the start. Each comparison is so slow that guessing is hopeless."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from glados_bots.errors import ConfigError
from glados_web.settings import HASH_PREFIX

LONGEST_PASSWORD = 1000  # characters of a guess; a longer one is wrong
AT_ONCE = 2  # comparisons: each takes 64 MB and a large part of a second

_HASHER = PasswordHasher()


def hashed(password: str) -> str:
    """Return the hash that GLADOS_WEB_PASSWORD accepts in place of the password."""
    return _HASHER.hash(password)


class Password:
    """Compares guesses, a few at a time and never in the event loop. Raises ConfigError for an invalid hash."""

    def __init__(self, setting: str) -> None:
        self._hash = setting if setting.startswith(HASH_PREFIX) else hashed(setting)
        self._room = asyncio.Semaphore(AT_ONCE)
        try:
            _HASHER.check_needs_rehash(self._hash)
        except InvalidHashError as error:
            raise ConfigError(
                "GLADOS_WEB_PASSWORD: this looks like a hash but is none; make one with `glados hash-password`"
            ) from error

    async def is_right(self, guess: str) -> bool:
        if not guess or len(guess) > LONGEST_PASSWORD:
            return False
        async with self._room:
            return await asyncio.to_thread(self._verify, guess)

    def _verify(self, guess: str) -> bool:
        try:
            return _HASHER.verify(self._hash, guess.encode("utf-8", "replace"))
        except VerificationError:
            return False
