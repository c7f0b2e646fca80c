"""`/glados …`: parsed here, done by the core, answered where only the person sees it."""

from collections.abc import Awaitable, Callable, Container, Mapping
from typing import Protocol

from glados_bots.commands import NAMES, stopped, why
from glados_bots.errors import GladosError
from glados_bots.intake.addressing import is_nothing
from glados_bots.surface import OutFile
from glados_bots.wording.sentence import Sentence, say
from glados_slack.answers.files_out.uploads import Uploads
from glados_slack.app_config import COMMAND
from glados_slack.connection.calls import RefusedError
from glados_slack.incoming.asking import SlackAsking, why_not_posted
from glados_slack.incoming.controls import NOT_YOURS, Controls
from glados_slack.incoming.shared import SlackShared

CLEAR = frozenset({"default", "clear", "none", "off"})
CALLED = {name: f"{COMMAND} {name}" for name in NAMES}  # commands as people type them
Work = Callable[[], Awaitable[Sentence]]


class Change(Protocol):
    """Changes what a channel has, for a person, and says so."""

    async def __call__(self, channel: str, new: str, /, *, by: str) -> Sentence: ...


class SlashCommands:
    """What the command's words do. Each returns what the person is told."""

    def __init__(self, shared: SlackShared, asking: SlackAsking, controls: Controls) -> None:
        self._core = shared.core
        self._calls = shared.calls
        self._language_of = shared.language_of
        self._asking = asking
        self._controls = controls

    async def ask(self, place: Mapping[str, str], user: str, question: str) -> Sentence:
        """Put a question in the channel; says why when it could not be put, else nothing."""
        if is_nothing(question):
            return say("no-question-example", command=say("example-command", command=CALLED["ask"]))
        try:
            return await self._asking.ask(place, user, question)
        except RefusedError as error:
            return why_not_posted(error)

    async def run(self, place: Mapping[str, str], user: str, word: str, rest: str) -> Sentence:
        work = self._works(place, user, rest).get(word)
        if work is None:
            return say("no-such-command", word=word[:40].replace("`", ""), help=f"`{CALLED['help']}`")
        try:
            return await work()
        except GladosError as error:
            return why(error)

    def _works(self, place: Mapping[str, str], user: str, rest: str) -> dict[str, Work]:
        commands = self._core.commands

        async def how() -> Sentence:
            return commands.help(say("how-slack", command=f"{CALLED['ask']} …"), CALLED)

        async def privacy() -> Sentence:
            return commands.privacy(CALLED)

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
            "language": lambda: self._setting(place, user, rest, commands.language, commands.set_language),
            "thinking": lambda: self._setting(
                place, user, rest, commands.thinking, commands.set_thinking, clear=CLEAR - {"off", "none"}
            ),
        }

    async def _reset(self, place: Mapping[str, str], user: str) -> Sentence:
        """Forget the newest conversation of this person here: commands are not told of threads."""
        mine = await self._conversations(place, user)
        if not mine:
            return say("no-conversation")
        everybody = await self._controls.may_manage(place, user)
        return await self._core.commands.reset(mine[-1], "" if everybody else user)

    async def _stop(self, place: Mapping[str, str], user: str) -> Sentence:
        ended = [await self._core.commands.stop(name, user) for name in await self._conversations(place, user)]
        return stopped(sum(ended), everybody=False)

    async def _setting(
        self,
        place: Mapping[str, str],
        user: str,
        new: str,
        shown: Callable[[str], Awaitable[Sentence]],
        change: Change,
        *,
        clear: Container[str] = CLEAR,
    ) -> Sentence:
        """Show what a channel has, or change it for those who may. The words in `clear` reset it."""
        if not new:
            return await shown(place["channel"])
        if not await self._controls.may_manage(place, user):
            return NOT_YOURS
        return await change(place["channel"], "" if new in clear else new, by=user)

    async def export(self, place: Mapping[str, str], user: str) -> Sentence:
        """Send everything stored about a person to them, as a file in a direct message."""
        content = await self._core.commands.export(user)
        here = say("export-here").in_language(await self._language_of(place, user))
        opened = await self._calls.quietly(place, "conversations.open", users=user)
        file = OutFile("glados-export.json", content.encode())
        if opened and await Uploads(self._calls).share(place, str(opened["channel"]["id"]), file, here):
            return say("export-sent")
        return say("export-not-sent")

    async def _conversations(self, place: Mapping[str, str], user: str) -> list[str]:
        """The person's conversations in this channel, the newest last."""
        found = await self._core.records.conversations_of(user)
        here = [name for name in found if name.startswith(f"{place['channel']}:")]
        return sorted(here, key=lambda name: float(name.partition(":")[2] or 0))
