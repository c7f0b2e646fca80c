"""`/glados …`: parsed here, done by the core, answered where only the person sees it."""

from collections.abc import Awaitable, Callable, Mapping

from glados_bots.errors import GladosError
from glados_bots.intake.addressing import is_nothing
from glados_bots.wording import NO_QUESTION
from glados_slack.app_config import COMMAND
from glados_slack.connection.calls import RefusedError
from glados_slack.incoming.asking import Asking, why_not_posted
from glados_slack.incoming.controls import NOT_YOURS, Controls
from glados_slack.incoming.shared import Shared

HOW = (
    f"Mention me in a channel, or write to me directly, and I answer in a thread; there you need not mention me again. "
    f"Or use a command: `{COMMAND} ask …` and its like. *Ask GLaDOS about this* is in the menu of every message."
)
NO_CONVERSATION = "You have no conversation with me here. In a thread, use *Reset this thread* in a message's menu."
UNKNOWN = "There is no `{word}`. `" + COMMAND + " help` shows what there is."
SENT = "I have sent you a file with everything I keep of you."
NOT_SENT = "The file could not be sent: the app lacks the rights `files:write` and `im:write`."
CLEAR = frozenset({"default", "clear", "none", "off"})


class SlashCommands:
    """The command's words. Each returns GLaDOS markdown for the person."""

    def __init__(self, shared: Shared, asking: Asking, controls: Controls) -> None:
        self._core = shared.core
        self._calls = shared.calls
        self._asking = asking
        self._controls = controls
        self._words: dict[str, Callable[[Mapping[str, str], str, str], Awaitable[str]]] = {
            "reset": self._reset,
            "stop": self._stop,
            "model": self._model,
            "persona": self._persona,
            "export": self.export,
            "privacy": self._privacy,
            "status": self._status,
            "usage": self._usage,
            "help": self._help,
            "": self._help,
        }

    async def ask(self, place: Mapping[str, str], user: str, question: str) -> str:
        """Put a question in the channel; returns a sentence when it could not be put, else nothing."""
        if is_nothing(question):
            return f"{NO_QUESTION} `{COMMAND} ask why is the sky blue?`"
        try:
            return await self._asking.ask(place, user, question)
        except RefusedError as error:
            return why_not_posted(error)

    async def run(self, place: Mapping[str, str], user: str, word: str, rest: str) -> str:
        work = self._words.get(word)
        if work is None:
            return UNKNOWN.format(word=word[:40].replace("`", ""))
        try:
            return await work(place, user, rest)
        except GladosError as error:
            return str(error)

    async def _reset(self, place: Mapping[str, str], user: str, rest: str) -> str:
        """Forget the newest conversation of this person here: commands are not told of threads."""
        del rest
        mine = await self._conversations(place, user)
        if not mine:
            return NO_CONVERSATION
        everybody = await self._controls.may_manage(place, user)
        return await self._core.commands.reset(mine[-1], "" if everybody else user)

    async def _stop(self, place: Mapping[str, str], user: str, rest: str) -> str:
        del rest
        said = [await self._core.commands.stop(name, user) for name in await self._conversations(place, user)]
        return next((text for text in said if text.startswith("Stopped")), "There is nothing of yours to stop here.")

    async def _model(self, place: Mapping[str, str], user: str, rest: str) -> str:
        if not rest:
            return await self._core.commands.model(place["channel"])
        if not await self._controls.may_manage(place, user):
            return NOT_YOURS
        return await self._core.commands.set_model(place["channel"], "" if rest in CLEAR else rest, by=user)

    async def _persona(self, place: Mapping[str, str], user: str, rest: str) -> str:
        if not rest:
            return await self._core.commands.persona(place["channel"])
        if not await self._controls.may_manage(place, user):
            return NOT_YOURS
        return await self._core.commands.set_persona(place["channel"], "" if rest in CLEAR else rest, by=user)

    async def export(self, place: Mapping[str, str], user: str, rest: str = "") -> str:
        """Send everything kept of a person to them, as a file in a direct message."""
        del rest
        content = await self._core.commands.export(user)
        opened = await self._calls.quietly(place, "conversations.open", users=user)
        if opened and await self._calls.send_file(
            place, opened["channel"]["id"], "glados-export.json", content, "Everything I keep of you."
        ):
            return SENT
        return NOT_SENT

    async def _privacy(self, place: Mapping[str, str], user: str, rest: str) -> str:
        del place, user, rest
        return self._core.commands.privacy()

    async def _status(self, place: Mapping[str, str], user: str, rest: str) -> str:
        del place, user, rest
        return await self._core.commands.status()

    async def _usage(self, place: Mapping[str, str], user: str, rest: str) -> str:
        del rest
        return await self._core.commands.usage(user, place["channel"])

    async def _help(self, place: Mapping[str, str], user: str, rest: str) -> str:
        del place, user, rest
        return self._core.commands.help(HOW)

    async def _conversations(self, place: Mapping[str, str], user: str) -> list[str]:
        """The person's conversations in this channel, the newest last."""
        found = await self._core.records.conversations_of(user)
        here = [name for name in found if name.startswith(f"{place['channel']}:")]
        return sorted(here, key=lambda name: float(name.partition(":")[2] or 0))
