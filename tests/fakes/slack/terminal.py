"""A person at the fake Slack."""

import re
from collections.abc import Callable

from tests.fakes.common.terminal import BaseTerminal, act, first

from .people import Person
from .server import FakeSlack
from .world.errors import ApiError
from .world.models import Channel, JsonObject, Message, View

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


class Terminal(BaseTerminal[Channel, Message]):
    """Carries out lines; `thread` is the root of the thread in `place` where the person is, if they are in one."""

    help = HELP
    mistakes = (ApiError, *BaseTerminal.mistakes)
    person: Person
    _fake: FakeSlack

    def __init__(self, fake: FakeSlack, person: Person, place: Channel, write: Callable[[str], None]) -> None:
        super().__init__(fake, person, place, write)
        self.thread: Message | None = None
        self.orders |= {
            "dm": self._dm,
            "home": lambda _: person.open_home(),
            "thread": self._enter,
            "out": act(lambda: self._move(self.place)),
            "stop": lambda _: person.stop(self._bot_message()),
            "press": self._press,
            "submit": self._submit,
            "shortcut": lambda name: person.shortcut(self._bot_message(), name),
            "wait": self._wait,
            "drop": act(fake.sockets.drop),
            "refresh": act(fake.sockets.disconnect),
            "fail": self._fail,
        }

    def follow(self) -> None:
        """Enter the thread in which the bot has answered the person's last message."""
        if self._last is None or self.thread is not None or self._last.channel is not self.place:
            return
        answers = self._fake.answers(thread=self._last)
        if any(record.thread_ts == self._last.ts for record in answers):
            self.thread = self._last
            self._write("(you are now in the thread; .out leads back)")

    async def _say(self, text: str) -> Message:
        return await self.person.say(self.place, text, thread=self.thread)

    async def _command(self, line: str) -> None:
        command, _, text = line.partition(" ")
        await self.person.run(self.place, command, text)

    def _view(self, kind: str) -> View:
        mine = (one for one in reversed(self._fake.world.views.values()) if one.user is self.person and one.is_open)
        return first((one for one in mine if one.payload["type"] == kind), f"No {kind} is open")

    async def _dm(self, _: str) -> None:
        self._move(self.person.direct)
        await self.person.open_home("messages")

    def _move(self, place: Channel) -> None:
        super()._move(place)
        self.thread = None

    async def _enter(self, _: str) -> None:
        self.thread = self._own_message()

    async def _press(self, text: str) -> None:
        label, _, option = text.partition("=")
        forms = [one for one in self._fake.world.views.values() if one.user is self.person and one.is_open]
        try:
            where: Message | View = first(
                (one for one in self._bot_messages() if one.pressable), "There is no button here"
            )
            await self.person.click(where, label.strip(), option.strip())
        except LookupError:
            if not forms:
                raise
            await self.person.click(forms[-1], label.strip(), option.strip())

    async def _submit(self, text: str) -> None:
        parts = re.split(r"(?:^|\s)([\w-]+)=", text)
        values: JsonObject = {key: value.strip() for key, value in zip(parts[1::2], parts[2::2], strict=True)}
        await self.person.submit(self._view("modal"), values)

    async def _wait(self, seconds: str) -> None:
        self._fake.clock.advance(float(seconds))

    async def _fail(self, text: str) -> None:
        method, _, error = text.partition(" ")
        self._fake.faults.add(method=method or "*", error=error or "internal_error")
