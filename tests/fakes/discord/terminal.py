"""A person at the fake Discord."""

import re
from collections.abc import Callable

from tests.fakes.common.terminal import BaseTerminal, act, first

from .people import Person
from .server import FakeDiscord
from .world.commands import find_command
from .world.errors import ApiError
from .world.guilds import FakeGuild
from .world.models import Channel, JsonObject, Message, User

HELP = """\
text                 send it; @NAME of the bot mentions it
/command [options]   use a slash command: "/ask why?" or "/ask question=why? loud=true"
.places              list channels and threads          .go NAME    go to one (a new thread is entered by itself)
.dm                  go to the bot's direct messages    .reply TEXT reply to the bot's last message
.press LABEL         press a button of the bot          .react EMOJI under the bot's last message
.edit TEXT           change your last message           .delete     delete your last message
.locale TAG          set the language of your Discord   .server TAG set the one of a Community server
.archive             archive this thread                .lock       lock it
.drop                cut the gateway's connections      .invalid    invalidate its sessions
.fail STATUS         answer the next REST call so       .limit SECONDS  refuse all REST calls for a while
.help                this list                          .quit       end"""

_INTEGER, _BOOLEAN, _USER, _NUMBER = 4, 5, 6, 10


class Terminal(BaseTerminal[Channel, Message]):
    """Carries out lines."""

    help = HELP
    mistakes = (ApiError, *BaseTerminal.mistakes)
    person: Person
    _fake: FakeDiscord

    def __init__(self, fake: FakeDiscord, person: Person, place: Channel, write: Callable[[str], None]) -> None:
        super().__init__(fake, person, place, write)
        self.orders |= {
            "dm": act(lambda: self._move(fake.world.direct(person))),
            "reply": self._reply,
            "press": self._press,
            "archive": lambda _: person.change_thread(self.place, archived=True),
            "lock": lambda _: person.change_thread(self.place, locked=True, archived=True),
            "drop": act(fake.gateway.drop),
            "invalid": act(lambda: fake.gateway.invalidate(resumable=False)),
            "fail": self._fail,
            "locale": self._locale,
            "server": self._server,
        }

    def follow(self) -> None:
        """Enter the thread that was opened on the person's last message."""
        if self._last is not None and self._last.thread is not None and self.place is self._last.channel:
            self.place = self._last.thread
            self._write(f"(you are now in {self.place.name!r}; .go {self._last.channel.name} leads back)")

    async def _say(self, text: str) -> Message:
        return await self.person.say(self.place, text)

    async def _command(self, line: str) -> None:
        name, *words = line.removeprefix("/").split(" ")
        definition = find_command(self._fake.world, self.place, self.person, name)
        options = definition.get("options") or []
        while words and (below := next((one for one in options if one["name"] == words[0] and one["type"] <= 2), None)):
            name, options = f"{name} {words.pop(0)}", below.get("options") or []
        values = parse_options(" ".join(words), options, self._user)
        await self.person.run(self.place, name, **values)

    def _user(self, name: str) -> User:
        users = self._fake.world.users.values()
        return first((user for user in users if user.name == name.removeprefix("@")), f"There is no user {name!r}")

    async def _reply(self, text: str) -> None:
        self._last = await self.person.say(self.place, text, reply_to=self._bot_message())

    async def _press(self, label: str) -> None:
        with_buttons = (one for one in self._bot_messages() if one.components)
        await self.person.click(first(with_buttons, "There is no button here"), label)

    async def _locale(self, tag: str) -> None:
        self.person.locale = tag

    async def _server(self, tag: str) -> None:
        here = [guild for guild in [self.place.guild] if isinstance(guild, FakeGuild)]
        first(here, "This place is on no server").set_locale(tag)

    async def _fail(self, status: str) -> None:
        self._fake.faults.add(status=int(status))


def parse_options(text: str, options: list[JsonObject], find_user: Callable[[str], User]) -> JsonObject:
    """Values by name: `name=value` pairs, or the whole text for the first option."""
    if not text or not options:
        return {}
    names = "|".join(re.escape(option["name"]) for option in options)
    parts = re.split(rf"(?:^|\s)({names})=", text)
    found = dict(zip(parts[1::2], parts[2::2], strict=True)) if len(parts) > 1 else {options[0]["name"]: text}
    kinds = {option["name"]: option["type"] for option in options}
    convert: dict[int, Callable[[str], object]] = {
        _INTEGER: int,
        _BOOLEAN: lambda value: value.lower() in {"true", "yes", "1"},
        _USER: find_user,
        _NUMBER: float,
    }
    return {name: convert.get(kinds[name], str)(value.strip()) for name, value in found.items()}
