"""`/glados …`: parsed here, done by the core, answered where only the person sees it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from glados_bots.errors import GladosError
from glados_bots.intake.addressing import is_nothing
from glados_bots.wording import NO_QUESTION
from glados_slack.app_config import COMMAND
from glados_slack.connection.calls import RefusedError
from glados_slack.incoming.asking import SlackAsking, why_not_posted
from glados_slack.incoming.controls import NOT_YOURS, Controls
from glados_slack.incoming.shared import SlackShared

HOW = (
    f"Mention me in a channel, or write to me directly, and I answer in a thread; there you need not mention me again. "
    f"Or use a command: `{COMMAND} ask …` and its like. *Ask GLaDOS about this* is in the menu of every message."
)
NO_CONVERSATION = "You have no conversation with me here. In a thread, use *Reset this thread* in a message's menu."
UNKNOWN = "There is no `{word}`. `" + COMMAND + " help` shows what there is."
SENT = "I have sent you a file with everything I keep of you."
NOT_SENT = "The file could not be sent: the app lacks the rights `files:write` and `im:write`."
CLEAR = frozenset({"default", "clear", "none", "off"})
Work = Callable[[], Awaitable[str]]


class Change(Protocol):
    """Changes what a channel has, for a person, and says so."""

    async def __call__(self, channel: str, new: str, /, *, by: str) -> str: ...


class SlashCommands:
    """The command's words. Each returns GLaDOS markdown for the person."""

    def __init__(self, shared: SlackShared, asking: SlackAsking, controls: Controls) -> None:
        self._core = shared.core
        self._calls = shared.calls
        self._asking = asking
        self._controls = controls

    async def ask(self, place: Mapping[str, str], user: str, question: str) -> str:
        """Put a question in the channel; returns a sentence when it could not be put, else nothing."""
        if is_nothing(question):
            return f"{NO_QUESTION} `{COMMAND} ask why is the sky blue?`"
        try:
            return await self._asking.ask(place, user, question)
        except RefusedError as error:
            return why_not_posted(error)

    async def run(self, place: Mapping[str, str], user: str, word: str, rest: str) -> str:
        work = self._works(place, user, rest).get(word)
        if work is None:
            return UNKNOWN.format(word=word[:40].replace("`", ""))
        try:
            return await work()
        except GladosError as error:
            return str(error)

    def _works(self, place: Mapping[str, str], user: str, rest: str) -> dict[str, Work]:
        commands = self._core.commands

        async def how() -> str:
            return commands.help(HOW)

        async def privacy() -> str:
            return commands.privacy()

        return {
            "": how,
            "help": how,
            "privacy": privacy,
            "status": commands.status,
            "usage": lambda: commands.usage(user, place["channel"]),
            "export": lambda: self.export(place, user),
            "reset": lambda: self._reset(place, user),
            "stop": lambda: self._stop(place, user),
            "model": lambda: self._setting(place, user, rest, commands.model, commands.set_model),
            "persona": lambda: self._setting(place, user, rest, commands.persona, commands.set_persona),
        }

    async def _reset(self, place: Mapping[str, str], user: str) -> str:
        """Forget the newest conversation of this person here: commands are not told of threads."""
        mine = await self._conversations(place, user)
        if not mine:
            return NO_CONVERSATION
        everybody = await self._controls.may_manage(place, user)
        return await self._core.commands.reset(mine[-1], "" if everybody else user)

    async def _stop(self, place: Mapping[str, str], user: str) -> str:
        said = [await self._core.commands.stop(name, user) for name in await self._conversations(place, user)]
        return next((text for text in said if text.startswith("Stopped")), "There is nothing of yours to stop here.")

    async def _setting(
        self, place: Mapping[str, str], user: str, new: str, shown: Callable[[str], Awaitable[str]], change: Change
    ) -> str:
        """Show what a channel has, or change it for those who may."""
        if not new:
            return await shown(place["channel"])
        if not await self._controls.may_manage(place, user):
            return NOT_YOURS
        return await change(place["channel"], "" if new in CLEAR else new, by=user)

    async def export(self, place: Mapping[str, str], user: str) -> str:
        """Send everything kept of a person to them, as a file in a direct message."""
        content = await self._core.commands.export(user)
        opened = await self._calls.quietly(place, "conversations.open", users=user)
        if opened and await self._calls.send_file(
            place, opened["channel"]["id"], "glados-export.json", content, "Everything I keep of you."
        ):
            return SENT
        return NOT_SENT

    async def _conversations(self, place: Mapping[str, str], user: str) -> list[str]:
        """The person's conversations in this channel, the newest last."""
        found = await self._core.records.conversations_of(user)
        here = [name for name in found if name.startswith(f"{place['channel']}:")]
        return sorted(here, key=lambda name: float(name.partition(":")[2] or 0))
