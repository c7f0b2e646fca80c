"""A person at the fake: each line typed is a message, a slash command, or an order to the fake itself."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from .people import Person
from .server import FakeSlack
from .world.errors import ApiError
from .world.models import Channel, JsonObject, Message, View

T = TypeVar("T")

HELP = """\
text                 send it; @NAME of the bot mentions it
/command [text]      use a slash command: "/glados ask why?"
.places              list channels                      .go NAME    go to one
.dm                  go to the bot's direct messages    .home       open its home
.thread              write in the thread of your last message, as you do by itself when it is answered there
.out                 leave the thread                   .stop       press stop under a streaming answer
.press LABEL [=OPTION] press a button, or choose        .submit BLOCK=VALUE …  send off the form that is open
.shortcut ID         use a shortcut on the bot's last message
.react NAME          under the bot's last message       .edit TEXT  change your last message
.delete              delete your last message           .wait SECONDS  let time pass for Slack
.drop                cut the app's connections          .refresh    ask it to connect anew
.fail METHOD ERROR   refuse the next call so            .limit SECONDS  refuse all calls for a while
.help                this list                          .quit       end"""


class Terminal:
    """Carries out lines; `place` is where the person is, `thread` the root there, if they are in a thread."""

    def __init__(self, fake: FakeSlack, person: Person, place: Channel, write: Callable[[str], None]) -> None:
        self.place = place
        self.thread: Message | None = None
        self._fake = fake
        self._person = person
        self._write = write
        self._last: Message | None = None
        self._orders: dict[str, Callable[[str], Awaitable[object]]] = {
            "help": self._help,
            "places": self._places,
            "go": self._go,
            "dm": self._dm,
            "home": lambda _: person.open_home(),
            "thread": self._enter,
            "out": self._leave,
            "stop": lambda _: person.stop(self._bot_message()),
            "press": self._press,
            "submit": self._submit,
            "shortcut": lambda name: person.shortcut(self._bot_message(), name),
            "react": lambda name: person.react(self._bot_message(), name),
            "edit": lambda text: person.edit(self._own_message(), self._mentions(text)),
            "delete": lambda _: person.delete(self._own_message()),
            "wait": self._wait,
            "drop": self._drop,
            "refresh": self._refresh,
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
        except (ApiError, LookupError, ValueError) as error:
            self._write(f"! {error}")
        return True

    async def _do(self, line: str) -> None:
        if line.startswith("."):
            order, _, rest = line[1:].partition(" ")
            if order not in self._orders:
                raise LookupError(f"There is no .{order}; .help lists what there is")
            await self._orders[order](rest.strip())
        elif line.startswith("/"):
            command, _, text = line.partition(" ")
            await self._person.run(self.place, command, text)
        elif line:
            self._last = await self._person.say(self.place, self._mentions(line), thread=self.thread)

    def follow(self) -> None:
        """Enter the thread in which the bot has answered the person's last message."""
        if self._last is None or self.thread is not None or self._last.channel is not self.place:
            return
        answers = self._fake.answers(thread=self._last)
        if any(record.thread_ts == self._last.ts for record in answers):
            self.thread = self._last
            self._write("(you are now in the thread; .out leads back)")

    def _mentions(self, text: str) -> str:
        bot = self._fake.bot
        return re.sub(f"@{re.escape(bot.name)}\\b", bot.mention, text, flags=re.IGNORECASE)

    def _bot_message(self, *, pressable: bool = False) -> Message:
        """The newest message of the bot that the person sees here."""
        found = [one for one in self.place.messages.values() if one.author is self._fake.bot]
        seen = [one for one in reversed(found) if one.visible_to in {None, self._person.id}]
        if pressable:
            return _first((one for one in seen if one.pressable), "There is no button here")
        return _first(seen, "The bot has not said anything here")

    def _own_message(self) -> Message:
        if self._last is None:
            raise LookupError("You have not said anything yet")
        return self._last

    def _view(self, kind: str) -> View:
        mine = (one for one in reversed(self._fake.world.views.values()) if one.user is self._person and one.is_open)
        return _first((one for one in mine if one.payload["type"] == kind), f"No {kind} is open")

    async def _help(self, _: str) -> None:
        self._write(HELP)

    async def _places(self, _: str) -> None:
        for channel in self._fake.world.channels.values():
            self._write(f"{'>' if channel is self.place else ' '} {channel.name} ({channel.kind})")

    async def _go(self, name: str) -> None:
        channels = self._fake.world.channels.values()
        self._move(_first((one for one in channels if one.name == name), f"There is no place {name!r}"))

    async def _dm(self, _: str) -> None:
        self._move(self._person.direct)
        await self._person.open_home("messages")

    def _move(self, place: Channel) -> None:
        self.place, self.thread, self._last = place, None, None

    async def _enter(self, _: str) -> None:
        self.thread = self._own_message()

    async def _leave(self, _: str) -> None:
        self.thread = self._last = None

    async def _press(self, text: str) -> None:
        label, _, option = text.partition("=")
        forms = [one for one in self._fake.world.views.values() if one.user is self._person and one.is_open]
        try:
            where: Message | View = self._bot_message(pressable=True)
            await self._person.click(where, label.strip(), option.strip())
        except LookupError:
            if not forms:
                raise
            await self._person.click(forms[-1], label.strip(), option.strip())

    async def _submit(self, text: str) -> None:
        parts = re.split(r"(?:^|\s)([\w-]+)=", text)
        values: JsonObject = {key: value.strip() for key, value in zip(parts[1::2], parts[2::2], strict=True)}
        await self._person.submit(self._view("modal"), values)

    async def _wait(self, seconds: str) -> None:
        self._fake.clock.advance(float(seconds))

    async def _drop(self, _: str) -> None:
        self._fake.sockets.drop()

    async def _refresh(self, _: str) -> None:
        self._fake.sockets.disconnect()

    async def _fail(self, text: str) -> None:
        method, _, error = text.partition(" ")
        self._fake.faults.add(method=method or "*", error=error or "internal_error")

    async def _limit(self, seconds: str) -> None:
        self._fake.rate_limits.block(float(seconds))


def _first(found: Iterable[T], otherwise: str) -> T:
    for one in found:
        return one
    raise LookupError(otherwise)
