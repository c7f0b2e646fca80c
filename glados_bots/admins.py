"""Who is an admin: the people that `GLADOS_ADMINS` names, by the ids that their platforms give them.

    GLADOS_ADMINS=discord:80351110224678912, slack:T0123/U0456, web:ada@example.org

On the web page, a person's id is the address that their OIDC provider vouches for. Two names stand for people without
such an address: `web:local` for anybody at this machine while the page has no sign-in, and `web:password` for anybody
who knows the shared password. Only people that the setting names are admins.
"""

from dataclasses import dataclass

LOCAL = "local"
SHARED = "password"


def check(text: str) -> str:
    """The text, if each of its names has a platform. Raises ValueError that shows the first name without one."""
    for name in _split(text):
        platform, _, person = name.partition(":")
        if not platform.isidentifier() or not person.strip():
            raise ValueError(f"{name!r} is not a valid name: write PLATFORM:ID, for example web:ada@example.org")
    return text


@dataclass(frozen=True, slots=True)
class Admins:
    """The names of all admins, in lower case."""

    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> "Admins":
        return cls(frozenset(name.casefold() for name in _split(text)))

    def has(self, platform: str, person: str) -> bool:
        """Whether this person is an admin on this platform."""
        return bool(person) and f"{platform}:{person}".casefold() in self.names


def _split(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]
