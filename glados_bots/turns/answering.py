"""Answer: ask the model until it answers, and show the words as they come.

To wait for a model or Redis is no failed try of the turn. A prompt that does not fit is cut and sent again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Any, TypeVar

from glados_bots import logs, tracing
from glados_bots.attachments.fitting import safe_name
from glados_bots.conversation import Exchange
from glados_bots.errors import GladosError, RequestRejectedError, ServiceUnavailableError, StoreUnavailableError
from glados_bots.retrying import growing_pauses
from glados_bots.store.channels import ChannelBook, ChannelSettings
from glados_bots.store.leases import Lease
from glados_bots.store.store import Store
from glados_bots.surface import Surface
from glados_bots.turns import in_hand
from glados_bots.turns.attached import AttachedFiles, Brought
from glados_bots.turns.display import Display
from glados_bots.turns.progress import Progress
from glados_bots.turns.prompts import Prompts
from glados_bots.turns.served_models import SHORTEST_ANSWER, ServedModels, UnknownModelError
from glados_bots.turns.window import Prompt
from glados_bots.wire.client import InferenceClient
from glados_bots.wire.events import Delta, Finished, Queued
from glados_bots.wire.reasoning import Folded, Unfinished
from glados_bots.wire.refusals import NO_PICTURES, TOO_LONG
from glados_bots.wire.reply import Thinking
from glados_bots.wording.sentence import NOTHING, Sentence, Value, joined, say

log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_REFITS = 3
MOST_NAMED = 5  # files, while they are read
REFUSALS = (400, 422)  # how servers refuse a field that they do not know
AWAY_NAP_S = 0.5
LONGEST_PAUSE_S = 5.0
ENDINGS = {
    "length": say("ended-length"),
    "content_filter": say("ended-filter"),
    "error": say("ended-error"),
}


class Answering:
    """What the model says to one turn."""

    def __init__(
        self,
        store: Store,
        surface: Surface,
        client: InferenceClient,
        display: Display,
        *,
        models: ServedModels,
        files: AttachedFiles,
    ) -> None:
        self._store = store
        self._surface = surface
        self._client = client
        self._models = models
        self._display = display
        self._prompts = Prompts(store, models, files, self.patiently)
        self.progress = Progress(surface, display, models, self._prompts)

    @property
    def lease(self) -> Lease:
        return self._display.lease

    def begin_again(self) -> None:
        """Drop the answer so far: the question has changed."""
        self.progress.begin_again()
        self._prompts.brought = Brought()

    async def generate(self) -> Exchange:
        """Ask the model until it answers. Waiting for a model that is not reachable is no failed try."""
        deadline = time.monotonic() + self._models.patience_s
        pauses = growing_pauses(0.5, LONGEST_PAUSE_S)
        may_be_gone = True  # the model, which came and went since the list of models was read
        while True:
            try:
                return await self._attempt()
            except (RequestRejectedError, UnknownModelError) as error:
                if may_be_gone and self._models.may_be_gone(self.progress.model, error):
                    may_be_gone, self._models.served = False, {}
                    continue
                log.warning("turn %s: the service refused: %s", self.lease.turn.id, error)
                return self.progress.failed(say("cannot-answer", reason=error.sentence))
            except ServiceUnavailableError as error:
                log.warning("turn %s: %s", self.lease.turn.id, error)
                told_s = error.retry_after or 0
                if time.monotonic() + told_s > deadline:
                    return self.progress.failed(joined(say("apology"), _for_too_long(told_s)))
                self._models.served = {}  # it may come back with another model
                await self.progress.wait_with(say("model-unreachable"))
                await asyncio.sleep(max(next(pauses), told_s))

    async def _attempt(self) -> Exchange:
        """Stream one request to the service. A refusal's figures say how far to cut a prompt that does not fit.

        A model that turns out to see no pictures, or fewer, is asked again without them.
        """
        chosen = await self.patiently(self._channel_settings)
        turn, prompts, progress = self.lease.turn, self._prompts, self.progress
        model = progress.model = await self._models.choose(self._client, chosen.model)
        async with in_hand.works():
            await prompts.read_history(turn)
        if prompts.has_unread(turn):
            names = tuple(safe_name(file.name) for file in turn.attachments[:MOST_NAMED])
            await progress.wait_with(say("reading-files", files=names))
            await prompts.read_files(self.lease)
        budget, most = self._models.prompt_budget(model), self._models.max_tokens
        for refit in range(MOST_REFITS + 1):
            async with in_hand.works():
                prompt = await prompts.fitted(turn, model, chosen.persona, budget)
            if prompts.brought.is_unreadable(turn):
                progress.notice = ""
                return progress.exchange("done", progress.said(prompts.brought.notice))
            most = min(most, self._models.answer_budget(model, prompt, is_told=refit > 0))
            try:
                with logs.about(request=logs.new_request()), tracing.span("request", model=model):
                    log.info("turn %s: asks the model %s", self.lease.turn.id, model)
                    return await self._thinking_as(chosen.thinking, prompt, most)
            except RequestRejectedError as error:
                if error.code in NO_PICTURES and prompt.picture_count and refit < MOST_REFITS:
                    self._models.learn_sight(model, prompt, error)
                    continue
                can_answer_less = most > SHORTEST_ANSWER and not error.max_prompt_tokens
                can_shrink = prompt.kept or prompts.brought.can_shrink or can_answer_less
                if error.code != TOO_LONG or refit == MOST_REFITS or not can_shrink:
                    raise
                budget = self._models.refit(model, prompt, error)
                if not (error.max_prompt_tokens or error.context_length):
                    most //= 2
        raise GladosError("unreachable: the last refit raises")

    async def _thinking_as(self, level: str, prompt: Prompt, most: int) -> Exchange:
        """Ask with the channel's level of thinking. A server that refuses it is asked without it, and people are told.

        Raises RequestRejectedError if the server refuses the request even so.
        """
        model = self.progress.model
        *forms, last = self._models.thinking(model, level)
        for number, form in enumerate(forms):
            try:
                exchange = await self._stream(prompt, most, form)
            except RequestRejectedError as error:
                if error.code in {TOO_LONG, *NO_PICTURES} or error.status not in REFUSALS:
                    raise
                log.info("turn %s: the server refuses the thinking level %s in this form", self.lease.turn.id, level)
            else:
                self._models.took(model, level, len(forms) - number)
                return exchange
        told = say("thinking-unknown", level=level, model=model) if level else NOTHING
        return await self._stream(prompt, most, last, told)

    async def _stream(
        self, prompt: Prompt, most: int, thinking: Mapping[str, Any], told: Sentence = NOTHING
    ) -> Exchange:
        """Read an answer of at most `most` tokens. The text shown so far stays until the first new word comes.

        `told` stands beside the answer.
        """
        progress = self.progress
        text: list[str] = []
        drawn, drawn_at, pace_s = 0, 0.0, in_hand.pace_s()
        answer, ended = self._surface.answer(self.lease.turn), NOTHING
        older = say("older-left-out", count=prompt.omitted) if prompt.omitted else NOTHING
        left_out = joined(told, self._prompts.brought.notice, older)
        session = f"{self._store.platform} {self.lease.turn.conversation}"
        progress.tokens, progress.is_whole = self._models.tokens_of(prompt), False
        reply = self._client.stream(
            prompt.messages, model=progress.model, max_tokens=most, session=session, thinking=thinking
        )
        async with aclosing(reply) as events:
            async for event in events:
                match event:
                    case Queued(position, wait):
                        await progress.wait_with(place_in_queue(position, wait))
                    case Thinking():
                        await progress.wait_with(say("model-thinking"))
                    case Folded():
                        text, drawn, answer = [], 0, self._surface.answer(self.lease.turn)
                    case Unfinished():
                        note = f"*{progress.said(say('still-thinking'))}*"
                        text.append(f"\n\n{note}" if text else note)
                    case Delta(delta):
                        text.append(delta)
                        if time.monotonic() - drawn_at < pace_s:
                            continue
                        async with in_hand.works():
                            answer.feed("".join(text[drawn:]))
                            progress.text, progress.notice = "".join(text), progress.said(left_out)
                            self._display.show(answer.chunks, progress.notice, "writing", progress.text)
                        drawn, drawn_at = len(text), time.monotonic()
                    case Finished() as finished:
                        progress.text = "".join(text)
                        progress.count(prompt, finished)
                        ended = ENDINGS.get(finished.reason, NOTHING)
                        progress.notice = progress.said(joined(left_out, ended))
        whole = "".join(text)
        return progress.exchange("done", whole) if whole.strip() else progress.failed(ended or say("no-answer"))

    async def _channel_settings(self) -> ChannelSettings:
        turn = self.lease.turn
        return await ChannelBook(self._store).get(turn.channel or turn.conversation)

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis until it answers. A Redis that is not reachable is no failure of the turn."""
        while True:
            try:
                return await call()
            except StoreUnavailableError as error:
                log.warning("turn %s: %s; the answer so far is kept; trying again", self.lease.turn.id, error)
                async with in_hand.waits():
                    await asyncio.sleep(AWAY_NAP_S)


def _for_too_long(told_s: float) -> Sentence:
    """Why a turn stops waiting for a model. `told_s` are the seconds after which its server allows a retry."""
    if told_s:
        return say("model-refuses-for", wait=timedelta(seconds=told_s))
    return say("model-unreachable-too-long")


def place_in_queue(position: int, wait_s: float | None) -> Sentence:
    """The notice about a place in the line. Positions count from 0."""
    name = "model-queue" if position else "model-queue-next"
    values: dict[str, Value] = {"place": position + 1} if position else {}
    return say(f"{name}-wait", wait=timedelta(seconds=wait_s), **values) if wait_s else say(name, **values)
