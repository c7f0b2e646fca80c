"""A person at the fake: each line typed is a message, a slash command, or an order to the fake itself."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from .people import Person
from .rest.user_routes import open_dm
from .server import FakeDiscord
from .world.commands import UnknownCommandError, find_command
from .world.errors import ApiError
from .world.models import Channel, JsonObject, Message, User

T = TypeVar("T")

HELP = """\
text                 send it; @NAME of the bot mentions it
/command [options]   use a slash command: "/ask why?" or "/ask question=why? loud=true"
.places              list channels and threads          .go NAME    go to one (a new thread is entered by itself)
.dm                  go to the bot's direct messages    .reply TEXT reply to the bot's last message
.press LABEL         press a button of the bot          .react EMOJI under the bot's last message
.edit TEXT           change your last message           .delete     delete your last message
.archive             archive this thread                .lock       lock it
.drop                cut the gateway's connections      .invalid    invalidate its sessions
.fail STATUS         answer the next REST call so       .limit SECONDS  refuse all REST calls for a while
.help                this list                          .quit       end"""

_INTEGER, _BOOLEAN, _USER, _NUMBER = 4, 5, 6, 10


class Terminal:
    """Carries out lines; `place` is where the person is."""

    def __init__(self, fake: FakeDiscord, person: Person, place: Channel, write: Callable[[str], None]) -> None:
        self.place = place
        self._fake = fake
        self._person = person
        self._write = write
        self._last: Message | None = None
        self._orders: dict[str, Callable[[str], Awaitable[object]]] = {
            "help": self._help,
            "places": self._places,
            "go": self._go,
            "dm": self._dm,
            "reply": self._reply,
            "press": self._press,
            "react": self._react,
            "edit": self._edit,
            "delete": self._delete,
            "archive": lambda _: person.change_thread(self.place, archived=True),
            "lock": lambda _: person.change_thread(self.place, locked=True, archived=True),
            "drop": self._drop,
            "invalid": self._invalid,
            "fail": self._fail,
            "limit": self._limit,
        }

    async def carry_out(self, line: str) -> bool:
        """Do what one line says.

        Returns:
            False when the person wants to end.
        """
        line = line.strip()
        if line == ".quit":
            return False
        try:
            await self._do(line)
        except (ApiError, UnknownCommandError, LookupError, ValueError) as error:
            self._write(f"! {error}")
        return True

    async def _do(self, line: str) -> None:
        if line.startswith("."):
            order, _, rest = line[1:].partition(" ")
            if order not in self._orders:
                raise LookupError(f"There is no .{order}; .help lists what there is")
            await self._orders[order](rest.strip())
        elif line.startswith("/"):
            await self._command(line[1:])
        elif line:
            bot = self._fake.bot
            text = re.sub(f"@{bot.name}\\b", bot.mention, line, flags=re.IGNORECASE)
            self._last = await self._person.say(self.place, text)

    def follow(self) -> None:
        """Enter the thread that was opened on the person's last message."""
        if self._last is not None and self._last.thread is not None and self.place is self._last.channel:
            self.place = self._last.thread
            self._write(f"(you are now in {self.place.name!r}; .go {self._last.channel.name} leads back)")

    async def _command(self, line: str) -> None:
        name, *words = line.split(" ")
        definition = find_command(self._fake.world, self.place, self._person, name)
        options = definition.get("options") or []
        while words and (below := next((one for one in options if one["name"] == words[0] and one["type"] <= 2), None)):
            name, options = f"{name} {words.pop(0)}", below.get("options") or []
        values = parse_options(" ".join(words), options, self._user)
        await self._person.run(self.place, name, **values)

    def _user(self, name: str) -> User:
        users = self._fake.world.users.values()
        return _first((user for user in users if user.name == name.removeprefix("@")), f"There is no user {name!r}")

    def _bot_messages(self) -> list[Message]:
        """Messages of the bot that the person sees here, newest first."""
        found = [one for one in self.place.messages.values() if one.author is self._fake.bot]
        return [one for one in reversed(found) if one.visible_to in {None, self._person.id}]

    def _own_message(self) -> Message:
        if self._last is None:
            raise LookupError("You have not said anything yet")
        return self._last

    async def _help(self, _: str) -> None:
        self._write(HELP)

    async def _places(self, _: str) -> None:
        for channel in self._fake.world.channels.values():
            self._write(f"{'>' if channel is self.place else ' '} {channel.name} ({channel.type.name.lower()})")

    async def _go(self, name: str) -> None:
        channels = self._fake.world.channels.values()
        self.place = _first((one for one in channels if one.name == name), f"There is no place {name!r}")
        self._last = None

    async def _dm(self, _: str) -> None:
        self.place = open_dm(self._fake.world, self._person)

    async def _reply(self, text: str) -> None:
        target = _first(self._bot_messages(), "The bot has not said anything here")
        self._last = await self._person.say(self.place, text, reply_to=target)

    async def _press(self, label: str) -> None:
        with_buttons = (one for one in self._bot_messages() if one.components)
        await self._person.click(_first(with_buttons, "There is no button here"), label)

    async def _react(self, emoji: str) -> None:
        await self._person.react(_first(self._bot_messages(), "The bot has not said anything here"), emoji)

    async def _edit(self, text: str) -> None:
        await self._person.edit(self._own_message(), text)

    async def _delete(self, _: str) -> None:
        await self._person.delete(self._own_message())

    async def _drop(self, _: str) -> None:
        self._fake.gateway.drop()

    async def _invalid(self, _: str) -> None:
        self._fake.gateway.invalidate(resumable=False)

    async def _fail(self, status: str) -> None:
        self._fake.faults.add(status=int(status))

    async def _limit(self, seconds: str) -> None:
        self._fake.rate_limits.block(float(seconds))


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


def _first(found: Iterable[T], otherwise: str) -> T:
    for one in found:
        return one
    raise LookupError(otherwise)
