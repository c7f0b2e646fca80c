"""A person at a fake: each line typed is a message, a slash command, or an order to the fake itself."""

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Place = TypeVar("Place")
Said = TypeVar("Said")

Order = Callable[[str], Awaitable[object]]
NOT_SAID = "The bot has not said anything here"


class BaseTerminal(ABC, Generic[Place, Said]):
    """Carries out lines.

    Attributes:
        person: Who types.
        place: Where they are.
        orders: What an order does, by its name.
        help: The list of orders.
        mistakes: Errors that are shown to the person.
    """

    help: str
    mistakes: tuple[type[Exception], ...] = (LookupError, ValueError)

    def __init__(self, fake: Any, person: Any, place: Place, write: Callable[[str], None]) -> None:
        self.place = place
        self._fake = fake
        self.person = person
        self._write = write
        self._last: Said | None = None
        self.orders: dict[str, Order] = {
            "help": self._help,
            "places": self._places,
            "go": self._go,
            "react": lambda name: person.react(self._bot_message(), name),
            "edit": lambda text: person.edit(self._own_message(), self._mentions(text)),
            "delete": lambda _: person.delete(self._own_message()),
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
        except self.mistakes as error:
            self._write(f"! {error}")
        return True

    async def _do(self, line: str) -> None:
        if line.startswith("."):
            order, _, rest = line[1:].partition(" ")
            if order not in self.orders:
                raise LookupError(f"There is no .{order}; .help lists what there is")
            await self.orders[order](rest.strip())
        elif line.startswith("/"):
            await self._command(line)
        elif line:
            self._last = await self._say(self._mentions(line))

    @abstractmethod
    async def _command(self, line: str) -> None:
        """Use the slash command that a line begins with."""

    @abstractmethod
    async def _say(self, text: str) -> Said:
        """Write where the person is."""

    @abstractmethod
    def follow(self) -> None:
        """Go where the bot has answered the person's last message."""

    def _mentions(self, text: str) -> str:
        bot = self._fake.bot
        return re.sub(f"@{re.escape(bot.name)}\\b", bot.mention, text, flags=re.IGNORECASE)

    def _bot_messages(self) -> list[Said]:
        """Messages of the bot that the person sees here, newest first."""
        place: Any = self.place
        found = [one for one in place.messages.values() if one.author is self._fake.bot]
        return [one for one in reversed(found) if one.visible_to in {None, self.person.id}]

    def _bot_message(self) -> Said:
        return first(self._bot_messages(), NOT_SAID)

    def _own_message(self) -> Said:
        if self._last is None:
            raise LookupError("You have not said anything yet")
        return self._last

    async def _help(self, _: str) -> None:
        self._write(self.help)

    async def _places(self, _: str) -> None:
        for channel in self._fake.world.channels.values():
            self._write(f"{'>' if channel is self.place else ' '} {channel.name} ({channel.kind})")

    async def _go(self, name: str) -> None:
        channels = self._fake.world.channels.values()
        self._move(first((one for one in channels if one.name == name), f"There is no place {name!r}"))

    def _move(self, place: Place) -> None:
        self.place, self._last = place, None

    async def _limit(self, seconds: str) -> None:
        self._fake.rate_limits.block(float(seconds))


def first(found: Iterable[T], otherwise: str) -> T:
    """The first of them.

    Raises:
        LookupError: There is none; its text is `otherwise`.
    """
    for one in found:
        return one
    raise LookupError(otherwise)


def act(do: Callable[[], object]) -> Order:
    """An order that takes no word and waits for nothing."""

    async def order(_: str) -> None:
        do()

    return order
