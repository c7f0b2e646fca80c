"""What answers turns with pictures: the eyes, and the scheduler that reads what they see."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from glados_bots.conversation import Message
from glados_bots.errors import PromptTooLongError
from glados_bots.inference.prompts.encoding import SHORTEST_ANSWER
from glados_bots.inference.transformers_engine.dense.scheduler import DenseScheduler
from glados_bots.inference.transformers_engine.vision.eyes import Eyes, Seen
from glados_bots.inference.transformers_engine.vision.shown import shown_in


class Sight:
    """Turns with pictures of one model.

    Args:
        model: the whole one, which knows the positions of its family.
        eyes: of the model.
        scheduler: computes with the model's own cache. A dense model's scheduler also reads its other turns.
        window: tokens of one turn that the scheduler's memory holds.
    """

    def __init__(self, model: Any, eyes: Eyes, scheduler: DenseScheduler, window: int) -> None:
        self._model = model
        self.eyes = eyes
        self.scheduler = scheduler
        self._window = window

    def look(self, messages: Sequence[Message]) -> list[Seen]:
        return self.eyes.look(messages)

    def require_room(self, prompt: Sequence[int]) -> None:
        """Raise PromptTooLongError if the prompt leaves no room for an answer."""
        room = self._window - SHORTEST_ANSWER
        if len(prompt) > room:
            raise PromptTooLongError(len(prompt), room, self._window)

    def adding(self, prompt: Sequence[int], pictures: Sequence[Seen]) -> Callable[..., None]:
        """The scheduler's `add` for a prompt with these pictures. Blocks for some milliseconds."""
        return partial(self.scheduler.add, shown=shown_in(self.eyes, pictures, prompt, self._model))
