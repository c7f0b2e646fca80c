"""The answer so far: its words, what it costs, and what people see of it."""

import time

from glados_bots.conversation import Exchange, Outcome
from glados_bots.store.leases import Lease
from glados_bots.surface import Surface
from glados_bots.turns import in_hand
from glados_bots.turns.display import Display
from glados_bots.turns.prompts import Prompts
from glados_bots.turns.served_models import ServedModels
from glados_bots.turns.window import Prompt
from glados_bots.wire.events import Finished
from glados_bots.wording.sentence import Sentence


class Progress:
    """How far the answer to one turn has come."""

    def __init__(self, surface: Surface, display: Display, models: ServedModels, prompts: Prompts) -> None:
        self._surface = surface
        self._display = display
        self._models = models
        self._prompts = prompts
        self.text = self.lease.draft  # the answer so far, or what people saw of it when an earlier worker lost the turn
        self.notice = self.lease.notice if self.lease.answer else ""  # what the bot says beside the answer
        self.model = ""  # the name of the model that answers
        self.tokens = 0  # of the prompt, as far as they are known; plus those of the answer once it is whole
        self.is_whole = False  # whether the answer is complete
        self.lost_tokens = 0  # tokens of earlier answers that this one replaced

    @property
    def lease(self) -> Lease:
        return self._display.lease

    def begin_again(self) -> None:
        """Drop the answer so far: the question has changed."""
        self.lost_tokens = self.spent
        self.text, self.notice, self.tokens, self.is_whole = self.lease.draft, "", 0, False

    def count(self, prompt: Prompt, finished: Finished) -> None:
        """Set the tokens of the whole answer: the server's count, else an estimate."""
        self._models.learn(prompt, finished.prompt_tokens)
        counted = finished.prompt_tokens + finished.completion_tokens
        self.tokens = counted or self._models.tokens_of(prompt) + self._models.tokens(len(self.text))
        self.is_whole = True

    @property
    def spent(self) -> int:
        """Tokens that this turn has cost so far, whether its answer is kept or not."""
        written = 0 if self.is_whole else self._models.tokens(len(self.text))
        return self.lost_tokens + self.tokens + written

    async def wait_with(self, sentence: Sentence) -> None:
        self.notice = self.said(sentence)
        await self.show_waiting()

    async def show_waiting(self) -> None:
        async with in_hand.works():
            self._display.show(self.drawn(self.text), self.notice, "waiting", self.text)

    def drawn(self, text: str) -> list[str]:
        answer = self._surface.answer(self.lease.turn)
        if text:
            answer.feed(text)
        answer.close()
        return answer.chunks

    def said(self, sentence: Sentence) -> str:
        """A sentence of the bot itself, in the language of the turn's place."""
        return sentence.in_language(self.lease.turn.language)

    def failed(self, sentence: Sentence) -> Exchange:
        return self.exchange("failed", self.said(sentence))

    def exchange(self, outcome: Outcome, answer: str) -> Exchange:
        turn = self.lease.turn
        return Exchange(
            turn.id, turn.text, answer, outcome, turn.author, turn.author_name, self.model,
            at=time.time(), tokens=self.spent, **self._prompts.brought.kept(turn),
        )  # fmt: skip
