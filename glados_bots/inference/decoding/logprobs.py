"""The scores of tokens, from numbers to the events of an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from glados_bots.inference.prompts.token_texts import TokenTexts
from glados_bots.wire.events import Delta, Event, TokenLogprob


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

    def forget(self) -> None:
        """Drop the tokens so far: they are no part of the answer."""
        self._held, self._begin = [], None

    def told(self, events: list[Event], *, is_last: bool = False) -> list[Event]:
        """The events of an answer, with the scores of the tokens that begin in their text.

        Args:
            events: what is told now.
            is_last: whether to tell all scores, because nothing follows.
        """
        if self._begin is None:
            return events
        self._shown += sum(len(event.text) for event in events if isinstance(event, Delta))
        end = self._begin + self._shown
        count = next((n for n, (before, _) in enumerate(self._held) if before >= end), len(self._held))
        if is_last and len(self._held) > count:
            return self._with([*events, Delta("")], len(self._held))
        return self._with(events, count)

    def _with(self, events: list[Event], count: int) -> list[Event]:
        """The last delta gets the scores of the first `count` tokens that are held."""
        found = next(((n, event) for n, event in reversed([*enumerate(events)]) if isinstance(event, Delta)), None)
        if found is None or not count:
            return events
        place, last = found
        now = tuple(told(scored, self._texts) for _, scored in self._held[:count])
        self._held = self._held[count:]
        return [*events[:place], Delta(last.text, (*last.logprobs, *now)), *events[place + 1 :]]
