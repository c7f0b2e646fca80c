"""Fit a conversation into the model's window: the system text, the newest exchanges and the question.

Adapters have no tokenizer: they talk to any OpenAI-compatible endpoint. Lengths are estimated from characters, and the
estimate is corrected by the exact figures the service sends when it refuses a prompt (see served_models.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glados_bots.conversation import Exchange, Message, Picture, Turn
from glados_bots.intake.addressing import named

CHARS_PER_TOKEN = 3.0  # English prose has about 4, code and other languages fewer: the first guess is safe
MESSAGE_TOKENS = 8  # role and separators around each message, for common chat templates

# A prompt that must be cut is cut to this share of the budget. So several turns share the same beginning, and the
# service finds it in its prefix cache instead of computing it again at every turn.
CUT_TO = 0.7


# A picture's patches of this many pixels square make a token each, as Qwen's models cut them. Other models need fewer
# tokens or have a fixed number.
PATCH = 28


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages that fit, and how many exchanges were kept and left out."""

    messages: tuple[Message, ...]
    kept: int
    omitted: int

    @property
    def chars(self) -> int:
        return sum(len(message.content) for message in self.messages)

    @property
    def picture_count(self) -> int:
        return sum(len(message.pictures) for message in self.messages)

    @property
    def picture_tokens(self) -> int:
        return sum(picture_tokens(picture) for message in self.messages for picture in message.pictures)


def picture_tokens(picture: Picture) -> int:
    """An estimate, on the long side, of the tokens of a picture."""
    return math.ceil(picture.width / PATCH) * math.ceil(picture.height / PATCH)


def fit(
    system: str,
    exchanges: Sequence[Exchange],
    turn: Turn,
    budget: int | None,
    *,
    chars_per_token: float,
    attached: str = "",
    pictures: Mapping[str, tuple[Picture, ...]] | None = None,
) -> Prompt:
    """Choose the messages of a prompt.

    Args:
        system: the system text; always kept. Empty for none.
        exchanges: the history, oldest first; failed and empty ones are skipped.
        turn: the new question; always kept.
        budget: tokens that the prompt may have. None if not known: then everything is kept.
        chars_per_token: the present estimate.
        attached: the words of the new question's files.
        pictures: by turn, the pictures that the model is shown.
    """
    seen = pictures or {}
    usable = [exchange for exchange in exchanges if exchange.outcome != "failed" and exchange.answer.strip()]
    shared = len({turn.author, *(exchange.author for exchange in usable)}) > 1
    fixed = [Message("system", system)] if system else []
    question = _asked(turn.text, turn.author_name if shared else "", attached, seen.get(turn.id, ()))
    pairs = [
        (
            _asked(one.question, one.author_name if shared else "", one.attached, seen.get(one.turn, ())),
            Message("assistant", one.answer),
        )
        for one in usable
    ]

    def cost(*messages: Message) -> float:
        seen_tokens = sum(picture_tokens(picture) for message in messages for picture in message.pictures)
        return seen_tokens + sum(len(message.content) / chars_per_token + MESSAGE_TOKENS for message in messages)

    omitted = 0
    if budget is not None:
        free = budget - cost(*fixed, question)
        costs = [cost(*pair) for pair in pairs]
        if sum(costs) > free:
            kept = free * CUT_TO
            while omitted < len(pairs) and sum(costs[omitted:]) > kept:
                omitted += 1
    history = [message for pair in pairs[omitted:] for message in pair]
    return Prompt((*fixed, *history, question), len(pairs) - omitted, omitted)


def _asked(text: str, name: str, attached: str, pictures: tuple[Picture, ...]) -> Message:
    """A question as the model reads it. Where several people talk, every line of words begins with the asker's name."""
    words = named(name, text) if text or not attached else ""
    return Message("user", "\n\n".join(filter(None, [words, attached])), pictures)
