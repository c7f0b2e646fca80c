"""The scores of tokens, from numbers to the events of an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from glados_bots.inference.prompts.token_texts import TokenTexts
from glados_bots.wire.events import Delta, TokenLogprob
from glados_bots.wire.reasoning import Piece


@dataclass(frozen=True, slots=True)
class Scored:
    """A token, the natural logarithm of its probability, and the likeliest tokens in its place, the best first."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


def told(scored: Scored, texts: TokenTexts) -> TokenLogprob:
    """With the bytes of each token."""
    top = tuple(TokenLogprob(token, texts.of(token), logprob) for token, logprob in scored.top)
    return TokenLogprob(scored.token, texts.of(scored.token), scored.logprob, top)


class ToldLater:
    """Tells the scores of tokens together with their text, which may be held back, or be cut off by a stop string.

    Args:
        texts: of the model's tokens.
    """

    def __init__(self, texts: TokenTexts) -> None:
        self._texts = texts
        self._held: list[tuple[int, Scored]] = []  # with the number of characters that came before the token
        self._begin: int | None = None  # that number of the answer's first token
        self._shown = 0  # characters of the answer

    def add(self, scored: Sequence[tuple[int, Scored]]) -> None:
        """Add tokens of the answer, each with the number of characters that came before it."""
        if scored and self._begin is None:
            self._begin = scored[0][0]
        self._held += scored

    def told(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces of an answer, with the scores of the tokens that begin in them."""
        if self._begin is None:
            return pieces
        self._shown += sum(len(piece.text) for piece in pieces if isinstance(piece, Delta))
        end = self._begin + self._shown
        return self._with(pieces, next((n for n, (before, _) in enumerate(self._held) if before >= end), None))

    def close(self, pieces: list[Piece], *, cut: bool) -> list[Piece]:
        """As `told`, for the last pieces. Args: cut: whether a stop string cut off what is held back."""
        pieces = self.told(pieces)
        return pieces if cut or not self._held else self._with([*pieces, Delta("")], None)

    def _with(self, pieces: list[Piece], count: int | None) -> list[Piece]:
        """The last delta gets the scores of the first `count` tokens that are held; None means all."""
        found = next(((n, piece) for n, piece in reversed([*enumerate(pieces)]) if isinstance(piece, Delta)), None)
        if found is None or not self._held[:count]:
            return pieces
        place, last = found
        now = tuple(told(scored, self._texts) for _, scored in self._held[:count])
        self._held = [] if count is None else self._held[count:]
        return [*pieces[:place], Delta(last.text, (*last.logprobs, *now)), *pieces[place + 1 :]]
