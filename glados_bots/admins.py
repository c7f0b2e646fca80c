"""Who is an admin: the people `GLADOS_ADMINS` names, by the id their platform gives them.

    GLADOS_ADMINS=discord:80351110224678912, slack:T0123/U0456, web:ada@example.org

On the web page a person is known by the address their OIDC provider vouches for. Two names stand for those it knows
nothing of: `web:local`, whoever sits at this machine while the page has no sign-in, and `web:password`, whoever knows
the shared password. Nobody is an admin who is not named.
"""

from dataclasses import dataclass

LOCAL = "local"
SHARED = "password"


def check(text: str) -> str:
    """The text, when each of its names says its platform. Raises ValueError that names the one that does not."""
    for name in _split(text):
        platform, _, person = name.partition(":")
        if not platform.isidentifier() or not person.strip():
            raise ValueError(f"{name!r} is no name: write PLATFORM:ID, for instance web:ada@example.org")
    return text


@dataclass(frozen=True, slots=True)
class Admins:
    """The names, in one spelling."""

    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> "Admins":
        return cls(frozenset(name.casefold() for name in _split(text)))

    def has(self, platform: str, person: str) -> bool:
        """Whether a platform's person is an admin."""
        return bool(person) and f"{platform}:{person}".casefold() in self.names


def _split(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]
