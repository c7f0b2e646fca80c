"""What people may tell the bot besides asking: the same on every platform, answered in GLaDOS markdown.

Who may use a command is the adapter's to decide. GladosError carries a sentence for the person.
"""

import asyncio
import time

from glados_bots.errors import GladosError, InferenceError
from glados_bots.operations import audit
from glados_bots.operations.privacy import Subject, as_json, export, forget
from glados_bots.store.channels import ChannelBook
from glados_bots.store.limits import duration
from glados_bots.store.records import Records
from glados_bots.store.store import Store
from glados_bots.store.usage import describe, usage
from glados_bots.wire.client import InferenceClient
from glados_bots.wording import NOT_ALONE

DAY_S = 86400
PRIVACY = """\
**What I keep.** Your questions to me with my answers, your name here, your votes, and what was set for a channel: on \
the machine of whoever runs me, for {days} after a conversation's last message. I read what is addressed to me only.

**Who sees it.** The operator of that machine. The model runs where the operator runs it; nothing is used to train it \
unless the operator asks you first.

**What you can do.** `export` gives you everything I keep of you, `forget` deletes it. Deleting your question deletes \
my answer too. Messages that stand in the channel are not mine to erase; delete them there."""

HELP = """\
{how}

- `ask`: ask me something
- `stop`: end the answer that is being written to you, and your waiting questions
- `reset`: forget this conversation
- `model`: show or choose the model of this channel
- `persona`: show or set what I am told before every conversation of this channel
- `export`, `forget`: get or delete everything I keep of you
- `privacy`: what is kept, and for how long
- `usage`: how much of your limits you have used
- `status`: the model, the queue, how long I have been up

Under an answer: Stop while it is written, then Regenerate, 👍 and 👎. Edit your question and I answer it anew; delete \
it and my answer goes too."""
HOW = "Mention me, reply to me or write to me directly, and I answer."


def first_word(text: str) -> tuple[str, str]:
    """The word that a typed command begins with, and the rest; any white space stands between them."""
    word, *rest = text.split(maxsplit=1) or [""]
    return word, rest[0].rstrip() if rest else ""


class Commands:
    """The commands of one platform. Raises StoreUnavailableError when Redis is away."""

    def __init__(self, store: Store, records: Records, book: ChannelBook, client: InferenceClient) -> None:
        self._store = store
        self._records = records
        self._book = book
        self._client = client
        self._began = time.monotonic()
        self._forgetting = asyncio.Lock()  # it looks through all keys: one at a time

    async def reset(self, conversation: str, author: str = "") -> str:
        """Forget a conversation and end what runs in it; for a person only what is theirs alone, else for all."""
        if author and await self._records.askers(conversation) - {author}:
            return NOT_ALONE
        await self._records.forget_conversation(conversation)
        return "Forgotten. This conversation starts anew."

    async def stop(self, conversation: str, author: str = "") -> str:
        """Stop the turns of one person in a conversation, running or waiting; without a person, all of them."""
        stopped = 0
        for turn_id in await self._store.queue(conversation):
            turn = await self._store.turn(turn_id)
            if turn and author in {"", turn.author}:
                await self._store.change(turn_id, "stop")
                stopped += 1
        if not stopped:
            return "There is nothing of yours to stop here." if author else "There is nothing to stop here."
        return "Stopped." if stopped == 1 else f"Stopped {stopped} questions."

    async def models(self) -> list[str]:
        """Names of the models served now, the default first. Raises InferenceError when the service is away."""
        return [model.id for model in await self._client.models()]

    async def model(self, channel: str) -> str:
        """Which model answers in a channel, and what else could."""
        served = await self.models()
        chosen = (await self._book.get(channel)).model
        names = ", ".join(f"`{name}`" for name in served)
        return f"This channel uses {f'`{chosen}`' if chosen else f'the default, `{served[0]}`'}. Served: {names}."

    async def set_model(self, channel: str, name: str, by: str = "") -> str:
        """Choose the model of a channel; empty goes back to the default. `by` is written into the audit log.

        Raises:
            GladosError: the name is not served.
        """
        if name:
            served = await self.models()
            if name not in served:
                names = ", ".join(f"`{each}`" for each in served)
                raise GladosError(f"There is no model `{name[:100]}` here. Served: {names}.")
        await self._book.set_model(channel, name)
        await self._log_act(by, "set model", f"{channel}: {name or 'default'}")
        return (
            f"From now on `{name}` answers in this channel." if name else "This channel uses the default model again."
        )

    async def persona(self, channel: str) -> str:
        """What the model is told first in a channel."""
        persona = (await self._book.get(channel)).persona
        return f"The persona of this channel:\n\n{persona}" if persona else "This channel has no persona of its own."

    async def set_persona(self, channel: str, text: str, by: str = "") -> str:
        """Set what the model is told first in a channel; empty takes it back. Raises GladosError if it is too long."""
        text = text.strip()
        await self._book.set_persona(channel, text)
        await self._log_act(by, "set persona", f"{channel}: {len(text)} characters")
        return (
            "From now on I speak like that in this channel." if text else "This channel has no persona of its own now."
        )

    async def _log_act(self, by: str, act: str, target: str) -> None:
        if by:
            await audit.attempt(self._store.client, f"{self._store.platform}:{by}", act, target)

    async def export(self, author: str) -> str:
        """Everything kept of a person, as the text of a JSON file."""
        return as_json(await export(self._store, Subject(author=author)))

    async def forget(self, author: str) -> str:
        async with self._forgetting:
            gone = len((await forget(self._store, Subject(author=author))).turns)
        what = "1 question" if gone == 1 else f"{gone} questions"
        return f"Forgotten: {what} with everything that was answered. Messages that stand in a channel stay there."

    async def usage(self, author: str, channel: str = "") -> str:
        """How much of the limits a person, a channel and everybody have used."""
        return describe(await usage(self._store, author, channel))

    def privacy(self) -> str:
        days = max(1, round(self._store.ttl / DAY_S))
        return PRIVACY.format(days="a day" if days == 1 else f"{days} days")

    async def status(self) -> str:
        """The model, the queue, and how long this process has been up."""
        waiting, _ = await self._store.load()
        try:
            model = f"Model: `{(await self.models())[0]}`, ready."
        except InferenceError as error:
            model = f"Model: away ({error}). Questions are kept and answered when it is back."
        queue = "no questions" if not waiting else "1 conversation" if waiting == 1 else f"{waiting} conversations"
        up = duration(time.monotonic() - self._began)
        return f"{model}\n\nUnder way: {queue}.\n\nUp for {up}."

    def help(self, how: str = HOW) -> str:
        """What can be done here; `how` says how the platform's people address the bot."""
        return HELP.format(how=how)
