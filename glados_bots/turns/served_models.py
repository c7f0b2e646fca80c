"""What a worker knows of the models: which are served, their windows in tokens, and characters per token."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import accumulate
from typing import Any

from glados_bots.conversation import Picture, Turn
from glados_bots.errors import GladosError, RequestRejectedError
from glados_bots.turns.window import CHARS_PER_TOKEN, Prompt, picture_tokens
from glados_bots.wire.client import InferenceClient, thinking_forms
from glados_bots.wire.refusals import BLIND
from glados_bots.wording.sentence import say

MARGIN = 64  # tokens by which the estimate of a prompt may be too small
SHORTEST_ANSWER = 16  # tokens
MOST_PICTURES = 8  # in one prompt, of all questions together
FILES_PART = 0.8  # the part of a prompt that a question with its files may take
LEAST_PART = 4  # the part of the window that an answer gets at least: one fourth


class UnknownModelError(GladosError):
    """A channel has chosen a model that is not served, or not any more."""


@dataclass(slots=True)
class ServedModels:
    """The figures of the models, which all turns of one worker share and correct."""

    system: str  # the text that every conversation starts with, unless its channel has a persona
    max_tokens: int  # of the longest answer
    max_file_chars: int = 60_000  # of a question's files together
    show_model: bool = False  # whether answers name their model
    patience_s: float = 900.0  # how long a turn waits for a model that is not reachable
    # Tokens of prompt and answer together by model, the default model first; empty while not known
    served: dict[str, int | None] = field(default_factory=dict)
    # Levels of thinking that each model knows; None if its server does not tell them
    levels: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    # Whether each model sees pictures; None if its server does not tell it
    sees: dict[str, bool | None] = field(default_factory=dict)
    # The most pictures of a prompt for each model, where a refusal has told it
    most_pictures: dict[str, int] = field(default_factory=dict)
    forms: dict[tuple[str, str], int] = field(default_factory=dict)  # which form of a level each model took last
    chars_per_token: float = CHARS_PER_TOKEN  # the present estimate; every answer corrects it

    async def choose(self, client: InferenceClient, wanted: str) -> str:
        """The model to ask: the wanted one, or the default. It reads the list of models once, and again when in doubt.

        Raises:
            UnknownModelError: the wanted model is not served.
            InferenceError: the service does not tell its models.
        """
        if not self.served or (wanted and wanted not in self.served):
            models = await client.models()
            self.served = {model.id: model.context_length for model in models}
            self.levels = {model.id: model.thinking_levels for model in models}
            self.sees = {model.id: model.sees for model in models}
            self.forms = {}
        if wanted and wanted not in self.served:
            raise UnknownModelError(say("model-gone", model=wanted, models=tuple(self.served)))
        return wanted or next(iter(self.served))

    def may_be_gone(self, model: str, error: Exception) -> bool:
        """Whether a refusal may mean that a model is served no more. The default model stays while its server runs."""
        unknown = isinstance(error, RequestRejectedError) and error.status == HTTPStatus.NOT_FOUND
        return unknown and model != next(iter(self.served), model)

    def thinking(self, model: str, level: str) -> tuple[dict[str, Any], ...]:
        """The ways to ask for a level of thinking that are left to try; the last one asks for nothing."""
        levels = self.levels.get(model)
        if levels is not None and level not in levels:
            return ({},)
        forms = thinking_forms(level, is_ours=levels is not None)
        return forms[self.forms.get((model, level), 0) :]

    def took(self, model: str, level: str, left: int) -> None:
        """Remember that the model took the form after which `left` others were left."""
        self.forms[model, level] = len(thinking_forms(level, is_ours=self.levels.get(model) is not None)) - 1 - left

    @property
    def seeing(self) -> str:
        """The name of a served model that sees pictures; empty if none is known to."""
        return next((model for model, sees in self.sees.items() if sees), "")

    def learn_sight(self, model: str, prompt: Prompt, error: RequestRejectedError) -> None:
        """Learn from a refusal of pictures how many of them the model takes: none, or fewer than the prompt had."""
        fewer = min(error.max_pictures or prompt.picture_count // 2, prompt.picture_count - 1)
        if error.code == BLIND or fewer < 1:
            self.sees[model] = False
        else:
            self.most_pictures[model] = fewer

    def most_pictures_of(self, model: str) -> int:
        """How many pictures a prompt may have, of all questions together."""
        return self.most_pictures.get(model, MOST_PICTURES)

    def picture_room(self, model: str, pictures: Sequence[Picture], budget: int | None) -> int:
        """How many of a question's pictures the model is shown: at least one, as its tokens are only estimated."""
        most = min(len(pictures), self.most_pictures_of(model))
        free = math.inf if budget is None else budget * FILES_PART
        costs = accumulate(map(picture_tokens, pictures[:most]))
        return max(min(most, 1), sum(cost <= free for cost in costs))

    def file_room(self, turn: Turn, budget: int | None, pictures: Sequence[Picture]) -> int:
        """Characters that the words of a question's files may have, beside its own words and pictures."""
        if budget is None:
            return self.max_file_chars
        free = budget * FILES_PART - sum(map(picture_tokens, pictures))
        return max(0, min(self.max_file_chars, round(free * self.chars_per_token) - len(turn.text)))

    def prompt_budget(self, model: str) -> int | None:
        """Tokens that a prompt may have, at least half of the window. None if the window is not known."""
        context = self.served.get(model)
        return None if context is None else max(context - self.max_tokens, context // 2)

    def answer_budget(self, model: str, prompt: Prompt, *, is_told: bool) -> int:
        """Tokens of the answer to request: the longest allowed answer, or what the prompt leaves of a smaller window.

        Args:
            model: the model to ask.
            prompt: the prompt of the request.
            is_told: whether a refusal told the prompt's length. Else the length is a guess on the long side, and the
                request gets a part of the window anyway: the server either lowers it or tells the true figures.
        """
        context = self.served.get(model)
        if context is None:
            return self.max_tokens
        left = context - self.tokens_of(prompt) - MARGIN
        return max(SHORTEST_ANSWER, min(self.max_tokens, left if is_told else max(left, context // LEAST_PART)))

    def refit(self, model: str, prompt: Prompt, error: RequestRejectedError) -> int:
        """Tokens that the next prompt may have after one was refused as too long. Learns from the refusal's figures."""
        self.learn(prompt, error.prompt_tokens or 0)
        if error.context_length:
            self.served[model] = error.context_length
        told = error.max_prompt_tokens or self.prompt_budget(model)
        half = self.tokens_of(prompt) // 2  # for a refusal without figures, or an unknown window
        return told if told and (error.prompt_tokens or error.context_length) else half

    def learn(self, prompt: Prompt, tokens: int) -> None:
        """Correct the estimate by a true figure, on the safe side."""
        if tokens > 0 and prompt.chars and not prompt.picture_tokens:
            self.chars_per_token = max(0.25, 0.95 * prompt.chars / tokens)

    def tokens_of(self, prompt: Prompt) -> int:
        return self.tokens(prompt.chars) + prompt.picture_tokens

    def tokens(self, chars: int) -> int:
        """An estimate of the tokens in `chars` characters."""
        return round(chars / self.chars_per_token)
