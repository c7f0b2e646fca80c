"""What a chat platform must do for the core: show an answer. Nothing more is asked of an adapter's output side.

The core decides what to show and when; a surface knows how it looks there. `chunks` are the messages an answer is cut
into; a chunk that is followed by another never changes again, except when the whole answer is made anew.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from glados_bots.conversation import Turn

State = Literal["waiting", "writing", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class View:
    """One message as it should look now."""

    chunk: str  # rendered text of this message; empty while nothing was said yet
    notice: str  # a short plain sentence beside the text (place in the queue, what went wrong, what was left out)
    state: State  # what the whole answer is doing
    is_last: bool  # whether this is the last message of the answer so far: controls belong there
    model: str = ""  # name of the model that answered, to be shown small; empty when it is not to be shown


@dataclass(frozen=True, slots=True)
class Budget:
    """How often messages of one bucket may change, over all streams and processes."""

    bucket: str  # what the platform counts together, such as one channel
    limit: int  # edits in each period
    period_s: float
    # A wider bucket that must have room too, such as the platform's limit of all calls together
    within: "Budget | None" = None


class Answer(Protocol):
    """An answer that grows: the platform's streaming renderer."""

    @property
    def chunks(self) -> list[str]:
        """Rendered messages so far; every one but the last is final."""

    def feed(self, delta: str) -> object:
        """Add text of the model, in GLaDOS markdown."""

    def close(self) -> object:
        """No more text: render what was provisional for good."""


class PlainAnswer:
    """An `Answer` for a place without a longest message, such as a page: the markdown as it is, in one chunk."""

    def __init__(self) -> None:
        self._text = ""

    @property
    def chunks(self) -> list[str]:
        """None before the first word."""
        return [self._text] if self._text else []

    def feed(self, delta: str) -> None:
        self._text += delta

    def close(self) -> None:
        """Nothing was provisional."""


class MessageGoneError(Exception):
    """The message to be edited does not exist any more, because somebody deleted it."""


class PlaceGoneError(Exception):
    """The place to answer in is gone or closed to us for good: no retry helps."""


class PlatformAwayError(Exception):
    """The platform itself does not work right now (5xx, no connection): waited for, and no failed try of the turn."""


class Surface(Protocol):
    """Where the answers of one platform appear.

    `post` and `edit` raise PlaceGoneError or MessageGoneError for what is final, and every method raises
    PlatformAwayError while the platform is away. Anything else they raise is worth another try; the core repeats with
    the same nonce, so a surface can keep a repeated `post` from showing twice.
    """

    longest_call_s: float  # for how long the platform may hold a call and then carry it out, though its caller has died

    def answer(self, turn: Turn) -> Answer:
        """A fresh streaming renderer for one answer."""

    def budget(self, turn: Turn) -> Budget:
        """The edit budget this turn shares with others."""

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        """Create a message under the question and return its id."""

    async def find(self, turn: Turn, nonce: str) -> str | None:
        """The message that was created under this nonce, if any."""

    async def strays(self, turn: Turn, nonces: Sequence[str], posts: Collection[str]) -> list[str]:
        """Messages under these nonces, or that are still written, which are none of `posts`.

        A call of a dead process has made them, after another process had made theirs. Only the lease's holder may ask.
        """

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        """Make a message look like this."""

    async def remove(self, turn: Turn, post: str) -> None:
        """Delete one of our messages; one that is gone already is no error."""
