"""What an adapter must do to show an answer on its platform. The core needs nothing more of its output side.

The core decides what to show and when; a surface decides how it looks. `chunks` are the messages of an answer. A chunk
that another one follows never changes again, with two exceptions. All change when the whole answer begins again. When
the answer has ended, code and tables may move from its messages into files, and messages may go.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from glados_bots.conversation import Attachment, Turn
from glados_bots.wording.sentence import Sentence

State = Literal["waiting", "writing", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class OutFile:
    """A file that the bot gives back."""

    name: str  # safe to show: of letters, digits, dots, hyphens and underscores
    content: bytes


@dataclass(frozen=True, slots=True)
class TableLimits:
    """The largest table that looks good in a message of a platform."""

    rows: int  # without the header
    columns: int
    chars: int  # in all cells
    width: int | None = None  # in characters, where a table is drawn as aligned text


@dataclass(frozen=True, slots=True)
class FileLimits:
    """From which size on something becomes a file, and what a platform takes of files with one answer."""

    table: TableLimits
    messages: int = 3  # of text
    code_lines: int = 60
    files: int = 10  # Discord's limit per message
    size: int = 8 * 2**20  # bytes of all files; Discord takes 10 MiB per file


@dataclass(frozen=True, slots=True)
class View:
    """One message as it should look now."""

    chunk: str  # rendered text of this message; empty before the first word
    notice: str  # a short sentence beside the text (place in the queue, what went wrong, what was left out)
    state: State  # the state of the whole answer
    is_last: bool  # whether this is the last message so far, which has the controls
    model: str = ""  # name of the model that answered, for small print; empty to show none
    files: tuple[OutFile, ...] = ()  # what the message has attached; the last message of an answer that has ended


@dataclass(frozen=True, slots=True)
class Budget:
    """How often the messages of one bucket may change, counted over all streams and processes."""

    bucket: str  # what the platform counts together, such as one channel
    limit: int  # edits per period
    period_s: float
    # A wider bucket that must also have room, such as the platform's limit of all calls together
    within: "Budget | None" = None


class Answer(Protocol):
    """A growing answer: the platform's streaming renderer."""

    @property
    def chunks(self) -> list[str]:
        """The rendered messages so far. All except the last are final."""

    def feed(self, delta: str) -> object:
        """Add text of the model, in GLaDOS markdown."""

    def close(self) -> object:
        """Finish: no more text follows, so render the provisional end for good."""


class PlainAnswer:
    """An `Answer` for a place without a limit per message, such as a page: the unchanged markdown in one chunk."""

    def __init__(self) -> None:
        self._text = ""

    @property
    def chunks(self) -> list[str]:
        """The markdown so far; no chunk before the first word."""
        return [self._text] if self._text else []

    def feed(self, delta: str) -> None:
        self._text += delta

    def close(self) -> None:
        """Do nothing: no text is provisional."""


class MessageGoneError(Exception):
    """Somebody deleted the message that was to be edited."""


class PlaceGoneError(Exception):
    """The place of the answer is gone, or closed to the bot for good. No retry helps."""


class UnreadableError(Exception):
    """An attached file cannot be fetched, and no retry helps. `why` is for people."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


class PlatformAwayError(Exception):
    """The platform is not reachable right now (5xx, no connection). The turn waits, and this is no failed try."""


class Surface(Protocol):
    """Where the answers of one platform appear.

    `post` and `edit` raise PlaceGoneError or MessageGoneError for final failures. Every method raises PlatformAwayError
    while the platform is not reachable. The core retries after any other error, with the same nonce, so that a surface
    can keep a repeated `post` from appearing twice.
    """

    longest_call_s: float  # time in which the platform may still carry out a call of a dead process
    files_out: FileLimits | None  # what is shown as a file; None where everything is shown, whatever its length

    def answer(self, turn: Turn) -> Answer:
        """A fresh streaming renderer for one answer."""

    def budget(self, turn: Turn) -> Budget:
        """The edit budget that this turn shares with others."""

    async def fetch(self, turn: Turn, attachment: Attachment, most: int) -> bytes:
        """Fetch a file of the question, from the platform's own hosts only.

        Raises:
            UnreadableError: it is gone, elsewhere, refused, or longer than `most` bytes, whatever was announced.
            PlatformAwayError: the platform does not answer.
        """

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        """Create a message under the question and return its id."""

    async def find(self, turn: Turn, nonce: str) -> str | None:
        """The id of the message that was created with this nonce, if any."""

    async def strays(self, turn: Turn, nonces: Sequence[str], posts: Collection[str]) -> list[str]:
        """Messages with these nonces, or still being written, that are not in `posts`.

        A dead process made them by a late call, after another process had posted. Only the lease's holder may ask.
        """

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        """Make a message look like `view`, with exactly its files. Files that it had before go."""

    async def remove(self, turn: Turn, post: str) -> None:
        """Delete one of our messages. A message that is gone already is no error."""
