"""One answer from its generated tokens: text, reasoning, and a limit for each of the two.

Reasoning has a limit of its own, so that it takes no room from the answer. At this limit the request is cancelled, and
a new one continues after the reasoning and its closing mark. The cache holds most of that prompt already.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from glados_bots.inference.decoding.detokenizer import Detokenizer
from glados_bots.inference.decoding.form_stops import FormStops
from glados_bots.inference.decoding.logprobs import Scored, ToldLater
from glados_bots.inference.grammars.calling import Calls
from glados_bots.inference.grammars.form import Form
from glados_bots.inference.prompts.encoding import Encoder
from glados_bots.inference.prompts.reasoning_marks import NoReasoning
from glados_bots.wire.events import Delta, Event, Finished, FinishReason
from glados_bots.wire.reasoning import Piece


@dataclass(frozen=True, slots=True)
class Tokens:
    """Generated tokens of one request; the last of its events has a reason."""

    ids: Sequence[int]  # with the token that ends the answer
    cached: int = 0  # tokens of the prompt whose keys and values were in the cache
    reason: FinishReason | None = None
    scores: Sequence[Scored] = ()  # one per token, if the request wants them

    def until(self, ends: frozenset[int]) -> "Tokens":
        """The same up to the first token that ends the answer, with that token."""
        end = next((place for place, token in enumerate(self.ids, 1) if token in ends), None)
        if end is None:
            return self
        return replace(self, ids=self.ids[:end], scores=self.scores[:end], reason="stop")


Ask = Callable[[list[int], int], AsyncGenerator[Tokens]]


@dataclass(frozen=True, slots=True)
class Limits:
    """The most tokens of an answer, of the reasoning before it, and of both with all marks."""

    answer: int
    reasoning: int
    room: int

    @classmethod
    def within(cls, room: int, answer: int | None, reasoning: int) -> "Limits":
        """The limits in a window that leaves `room` tokens. An answer keeps at least half of the room it asks for."""
        most = min(answer or room, room)
        kept = min(most, max(1, room // 2))
        return cls(most, max(0, min(reasoning, room - kept)), room)


class Answer:
    """Reads the tokens of one answer. `events` asks as often as needed.

    Args:
        encoder: of the model.
        prompt: token ids.
        ends: tokens that end an answer.
        stop: strings that end it.
        limits: of this answer.
        form: that it must have; then a stop string ends it only where it has the form.
        calls: its calls of tools.
        raw: whether the answer continues a raw prompt, so that reasoning in it is text like any other.
    """

    def __init__(
        self,
        encoder: Encoder,
        prompt: list[int],
        ends: frozenset[int],
        stop: Sequence[str],
        limits: Limits,
        *,
        form: Form | None,
        calls: Calls,
        raw: bool = False,
    ) -> None:
        self._encoder, self._prompt, self._ends, self._limits = encoder, prompt, ends, limits
        codes = {} if raw else {**calls.codes, **encoder.marks.codes}
        self._text = Detokenizer(encoder.tokenizer, () if form else stop, codes)
        self._stops = FormStops(stop, form.has) if form else None
        self._calls = calls.reader
        self._reasoning = NoReasoning() if raw else encoder.reasoning(prompt, calls=calls.reader is not None)
        self._scores = ToldLater(encoder.texts)
        self._added: list[int] = []  # tokens after the prompt: generated ones and closing marks
        self._count = self._reasoned = 0  # generated tokens, and those of the reasoning among them
        self._speaks = False  # whether the answer has begun
        self._cached = 0
        self._reason: FinishReason | None = None

    async def events(self, ask: Ask) -> AsyncGenerator[Event]:
        """All thoughts and deltas, and one Finished. `ask` makes a request from a prompt and a limit in tokens."""
        while self._reason is None:
            before, most = self._count, self._next_limit()
            async with aclosing(ask([*self._prompt, *self._added], most)) as pieces:
                async for piece in pieces:
                    for read in self._told(self._read(piece)):
                        yield read
                    if self._left < 1 and self._count - before < most:  # else the engine itself ends now
                        self._reason = self._reason or "length"
                    if self._reason or self._must_close:
                        break
            if self._reason is None and self._must_close:
                for read in self._told(self._close_reasoning()):
                    yield read
            elif self._count == before:
                self._reason = self._reason or "length"
        for read in self._told(self._rest(), is_last=True):
            yield read
        reason = self._calls.reason(self._reason) if self._calls else self._reason
        yield Finished(reason, len(self._prompt), self._cached, self._count, self._reasoned)

    def _rest(self) -> list[Piece]:
        """What was held back, now that nothing follows."""
        rest = [*self._reasoning.feed(self._text.close()), *self._reasoning.close()]
        return [*self._stops.read(rest), *self._stops.close()] if self._stops else rest

    def _read(self, piece: Tokens) -> list[Piece]:
        """Count a piece of the answer, and decide whether it is the last."""
        was_inside = self._reasoning.is_inside
        piece = piece.until(self._ends)
        text, scored = self._fed(piece)
        read = self._reasoning.feed(text)
        if self._count == len(self._added):  # no closing mark has been added: this is the first request
            self._cached = min(piece.cached or self._cached, len(self._prompt))
        self._added.extend(piece.ids)
        self._count += len(piece.ids)
        if was_inside or self._reasoning.is_inside:
            self._reasoned = self._reasoned + len(piece.ids) if self._reasoned else self._count
            self._scores.forget()  # of a mark that looked like the answer's first letters
        elif self._reasoned and not self._speaks and not read:  # marks and empty lines before the answer
            self._reasoned += len(piece.ids)
        else:
            self._speaks = self._speaks or bool(read)
            self._scores.add(scored)
        if self._stops:
            read = self._stops.read(read)
        if self._was_cut or piece.reason == "stop":
            self._reason = "stop"
        elif piece.reason and (self._left < 1 or not self._reasoned):
            self._reason = piece.reason
        return read

    def _fed(self, piece: Tokens) -> tuple[str, list[tuple[int, Scored]]]:
        """(text that is now final, the tokens with scores and how many characters came before each)."""
        if not piece.scores:
            return self._text.feed([token for token in piece.ids if token not in self._ends]), []
        text, scored = "", []
        for one in piece.scores:
            if one.token not in self._ends:
                scored.append((self._text.length, one))
                text += self._text.feed([one.token])
        return text, scored

    def _told(self, pieces: list[Piece], *, is_last: bool = False) -> Sequence[Event]:
        """The pieces, the calls in their words, and the scores of their tokens."""
        events: list[Event] = []
        for piece in pieces:
            events += self._calls.feed(piece.text) if self._calls and isinstance(piece, Delta) else (piece,)
        if is_last and self._calls:
            events += self._calls.close()
        return self._scores.told(events, is_last=is_last and not (self._was_cut or self._calls))

    @property
    def _was_cut(self) -> bool:
        """Whether a stop string has ended the text."""
        return self._text.stopped or bool(self._stops and self._stops.stopped)

    @property
    def _must_close(self) -> bool:
        return self._reasoning.is_inside and self._reasoned >= self._limits.reasoning

    @property
    def _left(self) -> int:
        """Tokens that the answer may still have."""
        return min(self._limits.answer - self._count + self._reasoned, self._limits.room - len(self._added))

    def _next_limit(self) -> int:
        """The limit of the next request. A model that may reason gets room for both: then one request is enough."""
        may_reason = self._reasoning.is_inside or (self._encoder.marks.are_tokens and not self._count)
        reasoning = max(0, self._limits.reasoning - self._reasoned) if may_reason else 0
        return min(self._left + reasoning, self._limits.room - len(self._added))

    def _close_reasoning(self) -> list[Piece]:
        tokens = self._encoder.closing(self._reasoning)
        read = self._reasoning.feed(self._reasoning.closing)
        self._added.extend(tokens)
        if self._left < 1:
            self._reason = "length"
        return read
