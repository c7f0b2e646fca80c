"""The commands that people can give the bot, the same on every platform. Their results are in GLaDOS markdown.

The adapter decides who may use a command. A GladosError carries a sentence for the person.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta

from glados_bots.errors import GladosError, InferenceError, StoreUnavailableError
from glados_bots.operations import audit
from glados_bots.operations.privacy import Subject, as_json, export, forget
from glados_bots.store.channels import ChannelBook
from glados_bots.store.records import Records
from glados_bots.store.store import Store
from glados_bots.store.usage import describe, usage
from glados_bots.wire.client import InferenceClient
from glados_bots.wire.events import LEVELS
from glados_bots.wording.languages import NAMES as LANGUAGES
from glados_bots.wording.languages import known
from glados_bots.wording.sentence import NOTHING, Sentence, joined, say

log = logging.getLogger(__name__)

DAY_S = 86400
# Every command that a person can give, by its English name.
NAMES = (
    "ask", "stop", "reset", "model", "persona", "language", "thinking", "export", "forget", "privacy", "usage",
    "status", "help",
)  # fmt: skip


def first_word(text: str) -> tuple[str, str]:
    """The first word of a typed command, and the rest. Any white space may stand between them."""
    word, *rest = text.split(maxsplit=1) or [""]
    return word, rest[0].rstrip() if rest else ""


class Commands:
    """The commands of one platform. Methods raise StoreUnavailableError when Redis is not reachable."""

    def __init__(self, store: Store, records: Records, book: ChannelBook, client: InferenceClient) -> None:
        self._store = store
        self._records = records
        self._book = book
        self._client = client
        self._began = time.monotonic()
        self._forgetting = asyncio.Lock()  # `forget` reads all keys, so only one may run at a time

    async def reset(self, conversation: str, author: str = "") -> Sentence:
        """Forget a conversation and end its turns. With `author`, only if nobody else has asked in it."""
        if author and await self._records.askers(conversation) - {author}:
            return say("not-alone")
        await self._records.forget_conversation(conversation)
        return say("conversation-forgotten")

    async def stop(self, conversation: str, author: str = "") -> int:
        """Stop the running and waiting turns of one person in a conversation, or of all people without `author`.

        Returns the number of stopped turns.
        """
        stopped = 0
        for turn_id in await self._store.queue(conversation):
            turn = await self._store.turn(turn_id)
            if turn and author in {"", turn.author}:
                await self._store.change(turn_id, "stop")
                stopped += 1
        return stopped

    async def models(self) -> list[str]:
        """Names of the served models, the default first. Raises InferenceError when the service is not reachable."""
        return [model.id for model in await self._client.models()]

    async def model(self, channel: str) -> Sentence:
        """Say which model answers in a channel, which others could, and which of them see pictures."""
        served = await self._client.models()
        chosen = (await self._book.get(channel)).model
        names, seeing = _listed(model.id for model in served), _listed(model.id for model in served if model.sees)
        answers = say("model-is" if chosen else "model-is-default", model=chosen or served[0].id, models=names)
        return joined(answers, say("models-see", models=seeing) if seeing else NOTHING)

    async def set_model(self, channel: str, name: str, by: str = "") -> Sentence:
        """Choose the model of a channel; empty restores the default. The audit log names `by`.

        Raises:
            GladosError: no served model has this name.
        """
        if name:
            served = await self.models()
            if name not in served:
                raise GladosError(say("no-such-model", model=name[:100], models=_listed(served)))
        await self._book.set_model(channel, name)
        await self._log_act(by, "set model", f"{channel}: {name or 'default'}")
        return say("model-set", model=name) if name else say("model-unset")

    async def persona(self, channel: str) -> Sentence:
        """Show the persona of a channel."""
        persona = (await self._book.get(channel)).persona
        return say("persona-is", persona=persona) if persona else say("no-persona")

    async def set_persona(self, channel: str, text: str, by: str = "") -> Sentence:
        """Set the persona of a channel; empty removes it. Raises GladosError if it is too long."""
        text = text.strip()
        await self._book.set_persona(channel, text)
        await self._log_act(by, "set persona", f"{channel}: {len(text)} characters")
        return say("persona-set" if text else "persona-unset")

    async def language(self, channel: str) -> Sentence:
        """Say in which language the bot itself speaks in a channel."""
        chosen = (await self._book.get(channel)).language
        if not chosen:
            return say("language-is-auto", languages=listed_languages())
        return say("language-is", language=LANGUAGES.get(chosen, chosen), languages=listed_languages())

    async def set_language(self, channel: str, tag: str, by: str = "") -> Sentence:
        """Choose the language of a channel by its tag; empty restores the language of each reader.

        Raises:
            GladosError: we do not have this language.
        """
        language = known(tag)
        if tag and not language:
            raise GladosError(say("no-such-language", language=tag[:40].replace("`", ""), languages=listed_languages()))
        await self._book.set_language(channel, language)
        await self._log_act(by, "set language", f"{channel}: {language or 'default'}")
        return say("language-set", language=LANGUAGES.get(language, language)) if language else say("language-unset")

    async def thinking(self, channel: str) -> Sentence:
        """Say how much the model thinks in a channel, and which levels it knows."""
        chosen = (await self._book.get(channel)).thinking
        model, levels = await self._levels(channel)
        if levels == () and not chosen:
            return say("thinking-none", model=model)
        told = _listed(LEVELS if levels is None else levels or ("default",))
        return say("thinking-is", level=chosen, levels=told) if chosen else say("thinking-is-default", levels=told)

    async def set_thinking(self, channel: str, level: str, by: str = "") -> Sentence:
        """Choose how much the model of a channel thinks; empty restores the model's default.

        Raises:
            GladosError: there is no such level, or the channel's model does not know it.
        """
        level = level.strip().lower()
        model, levels = await self._levels(channel) if level in LEVELS else ("", LEVELS)
        if level and level not in (LEVELS if levels is None else levels):
            if not levels:
                raise GladosError(say("thinking-none", model=model))
            raise GladosError(say("no-such-thinking", level=level[:40].replace("`", ""), levels=_listed(levels)))
        await self._book.set_thinking(channel, level)
        await self._log_act(by, "set thinking", f"{channel}: {level or 'default'}")
        if not level:
            return say("thinking-unset")
        return say("thinking-set-unsure" if levels is None else "thinking-set", level=level)

    async def _levels(self, channel: str) -> tuple[str, tuple[str, ...] | None]:
        """A channel's model, and the levels of thinking that it knows; None if its server does not tell them."""
        served = await self._client.models()
        chosen = (await self._book.get(channel)).model
        model = next((model for model in served if model.id == chosen), served[0])
        return model.id, model.thinking_levels

    async def _log_act(self, by: str, act: str, target: str) -> None:
        if by:
            await audit.attempt(self._store.client, f"{self._store.platform}:{by}", act, target)

    async def export(self, author: str) -> str:
        """Everything stored about a person, as the text of a JSON file."""
        return as_json(await export(self._store, Subject(author=author)))

    async def forget(self, author: str) -> Sentence:
        async with self._forgetting:
            gone = len((await forget(self._store, Subject(author=author))).turns)
        return say("forgotten", count=gone)

    async def usage(self, author: str, channel: str = "") -> Sentence:
        """Say how much of their limits a person, a channel and all people have used."""
        return describe(await usage(self._store, author, channel))

    def privacy(self, called: Mapping[str, Sentence | str]) -> Sentence:
        """Say what is stored. `called` holds the commands' names on this platform, by their English names."""
        time_kept = say("days", count=max(1, round(self._store.ttl / DAY_S)))
        return say("privacy", time=time_kept, export=called["export"], forget=called["forget"])

    async def status(self) -> Sentence:
        """Say which model answers, how many questions wait, and how long this process has been running."""
        waiting, _ = await self._store.load()
        try:
            model = say("status-model", model=(await self.models())[0])
        except InferenceError as error:
            log.info("status: %s", error)
            model = say("status-no-model")
        queue = say("status-busy", count=waiting) if waiting else say("status-idle")
        up = say("status-up", time=timedelta(seconds=time.monotonic() - self._began))
        return joined(model, queue, up, by="two-paragraphs")

    def help(self, how: Sentence, called: Mapping[str, Sentence | str]) -> Sentence:
        """Say what the bot can do. `how` says how to address it on this platform; `called` is as for `privacy`."""
        return say("help", how=how, **{name: called[name] for name in NAMES if name != "help"})


def stopped(count: int, *, everybody: bool) -> Sentence:
    """The sentence about `count` stopped turns: of everybody, or of the person who stopped them."""
    if count:
        return say("stopped-questions", count=count)
    return say("nothing-to-stop") if everybody else say("nothing-to-stop-yours")


def why(error: GladosError) -> Sentence:
    """The sentence for a person about an error that ended their command."""
    match error:
        case StoreUnavailableError():
            return say("store-unreachable")
        case InferenceError():
            return error.sentence or say("model-list-unreachable")
    return error.sentence or say("broken")


def listed_languages() -> tuple[str, ...]:
    return tuple(f"{name} (`{tag}`)" for tag, name in LANGUAGES.items())


def _listed(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"`{name}`" for name in names)
