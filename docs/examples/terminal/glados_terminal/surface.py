"""Where the answers of a terminal appear: on its screen, and nowhere else.

A screen dies with its process, so there is nothing to find again. A platform that keeps its messages has to find those
of a dead process by their nonces; adapters/glados_discord/surface.py does.
"""

from collections.abc import Collection, Sequence

from glados_bots.conversation import Turn
from glados_bots.surface import Budget, View

EDITS_PER_SECOND = 10


class PlainAnswer:
    """The markdown as it is, in one chunk: a screen has no longest message."""

    def __init__(self) -> None:
        self._text = ""

    @property
    def chunks(self) -> list[str]:
        """None before the first word."""
        return [self._text] if self._text else []

    def feed(self, delta: str) -> None:
        """Add text."""
        self._text += delta

    def close(self) -> None:
        """Nothing was provisional."""


class TerminalSurface:
    """The `Surface` of a terminal. Attributes: views: how the answers look that this terminal waits for, by turn."""

    longest_call_s = 0.0  # nothing is held back

    def __init__(self) -> None:
        self.views: dict[str, View | None] = {}

    def answer(self, turn: Turn) -> PlainAnswer:
        """A fresh answer."""
        del turn
        return PlainAnswer()

    def budget(self, turn: Turn) -> Budget:
        """Each answer has its own, for the eyes' sake."""
        return Budget(f"screen:{turn.id}", EDITS_PER_SECOND, 1.0)

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        """Show the first view. An answer is one message, so its turn says which."""
        del nonce
        await self.edit(turn, turn.id, view)
        return turn.id

    async def find(self, turn: Turn, nonce: str) -> str | None:
        """None: a new process has a new screen."""
        del turn, nonce

    async def strays(self, turn: Turn, nonces: Sequence[str], posts: Collection[str]) -> list[str]:
        """None, as above."""
        del turn, nonces, posts
        return []

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        """Show a newer view. A turn of another terminal is answered here, too, but has no place on this screen."""
        del post
        if turn.id in self.views:
            self.views[turn.id] = view

    async def remove(self, turn: Turn, post: str) -> None:
        """The question was forgotten."""
        del turn, post
