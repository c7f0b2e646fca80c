"""The marks of a model's reasoning: which ones a model has, and the reader that finds them in one answer."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from glados_bots.inference.prompts.channels import (
    CHANNEL,
    CLOSE,
    END,
    MESSAGE,
    NO_CODES,
    OPEN,
    START,
    Brackets,
    Channels,
    Harmony,
)
from glados_bots.wire.events import Delta
from glados_bots.wire.reasoning import MARKS, Piece, Reasoning

HARMONY = {
    "<|channel|>": CHANNEL,
    "<|message|>": MESSAGE,
    "<|start|>": START,
    "<|end|>": END,
    "<|return|>": END,
    "<|call|>": END,
}
# Marks that we know, for models whose card names none: Gemma 4, Mistral, Cohere, and most others.
KNOWN = (
    ("<|channel>thought", "<channel|>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    MARKS,
)
Given = tuple[str, str] | Literal["harmony"] | None


class ReasoningMarks:
    """The marks of one model.

    Args:
        tokenizer: a tokenizer of transformers.
        given: the card's `reasoning`; None finds the known marks among the tokenizer's added tokens.

    Attributes:
        codes: the character that stands for each special token that is a mark, by token id.
        are_tokens: whether the vocabulary has the opening mark, so that the model probably reasons.
        pair: the marks as text; for Harmony, those of other models.
        tokens: the marks that are tokens which no text can hold, by their text: special ones, and those that
            llguidance takes for special.
        is_harmony: whether the model writes in channels, as gpt-oss does.
        end: the token that ends a message of Harmony; -1 if there is none.
    """

    def __init__(self, tokenizer: Any, given: Given) -> None:
        added = {str(token.content): (number, token.special) for number, token in _added(tokenizer).items()}
        pair = given or _found(added)
        self._channels: Callable[[], Channels] | None = None
        self.is_harmony = pair == "harmony"
        self.pair = MARKS if pair == "harmony" else pair
        self.end = added.get("<|end|>", (-1, False))[0]
        self.tokens = {text: number for text, (number, special) in added.items() if special or _looks_special(text)}
        coded: Mapping[str, str] = {}
        if pair == "harmony":
            self._channels, coded = Harmony, HARMONY
            self.are_tokens = "<|channel|>" in added
        else:
            opening = next((text for text in added if pair[0].startswith(text)), "")
            self.are_tokens = bool(opening)
            if opening and added[opening][1] and added.get(pair[1], (0, False))[1]:
                self._channels = partial(Brackets, has_name=opening != pair[0])
                coded = {opening: OPEN, pair[1]: CLOSE}
        self._coded = coded
        self.codes = {added[text][0]: code for text, code in coded.items() if text in added and added[text][1]}

    def reader(self, prompt_end: str, *, calls: bool = False) -> "CodedReasoning":
        """The reader of one answer.

        Args:
            prompt_end: the prompt's last tokens as text, with special tokens.
            calls: whether the answer may hold calls of tools.
        """
        if self._channels is None:
            return CodedReasoning(self.pair, None, begun=prompt_end.rstrip().endswith(self.pair[0]))
        channels = Harmony(calls=calls) if self.is_harmony else self._channels()
        if isinstance(channels, Brackets):
            begun = prompt_end.rstrip().endswith(self.pair[0])
            channels.feed(f"{OPEN}\n" * begun)  # the line holds the name, if there is one
            return CodedReasoning((OPEN, CLOSE), channels, begun=begun)
        header = prompt_end.rpartition("<|start|>")[2].partition("<|channel|>")
        reader = CodedReasoning((OPEN, CLOSE), channels)
        if header[1]:  # the template has begun the message's header
            reader.feed(CHANNEL + header[2].replace("<|message|>", MESSAGE))
        return reader

    def written(self, coded: str) -> str:
        """Coded text as the tokenizer reads it."""
        for text, code in self._coded.items():
            if code in coded and code != END:
                coded = coded.replace(code, text)
        return coded.replace(END, "<|end|>").replace(CLOSE, "")


class CodedReasoning(Reasoning):
    """Splits the coded text of one answer.

    Args:
        marks: the strings that open and close the reasoning.
        channels: what rewrites the text with these marks; None if the model writes them itself.
        begun: see `Reasoning`.
    """

    def __init__(self, marks: tuple[str, str], channels: Channels | None, *, begun: bool = False) -> None:
        super().__init__(marks, begun=begun)
        self._channels = channels

    def feed(self, text: str) -> list[Piece]:
        return _without_codes(super().feed(text if self._channels is None else self._channels.feed(text)))

    def close(self) -> list[Piece]:
        return _without_codes(super().close())

    @property
    def closing(self) -> str:
        """What must follow now, as coded text, so that the reasoning ends and the answer begins."""
        return f"\n{self._close}\n\n" if self._channels is None else self._channels.closing


class NoReasoning(CodedReasoning):
    """Reads what continues a raw prompt: all of it is the answer."""

    def __init__(self) -> None:
        super().__init__(MARKS, None)

    def feed(self, text: str) -> list[Piece]:
        return [Delta(text)] if text else []

    def close(self) -> list[Piece]:
        return []


def _without_codes(pieces: list[Piece]) -> list[Piece]:
    texts = [(type(piece), piece.text.translate(NO_CODES)) for piece in pieces]
    return [kind(text) for kind, text in texts if text]


def _added(tokenizer: Any) -> Mapping[int, Any]:
    return getattr(tokenizer, "added_tokens_decoder", {})


def _looks_special(text: str) -> bool:
    return text.startswith("<") and text.endswith(">")


def _found(added: Mapping[str, Any]) -> tuple[str, str] | Literal["harmony"]:
    if all(mark in added for mark in ("<|channel|>", "<|message|>", "<|start|>")):
        return "harmony"
    return next((pair for pair in KNOWN if pair[1] in added and any(pair[0].startswith(text) for text in added)), MARKS)
