"""What people do in Slack beside writing plain messages: share, paste tables, pin, speak of themselves."""

import asyncio
from dataclasses import dataclass

from tests.fakes.slack.world import kinds

from .hands import Hands
from .world.models import Channel, JsonObject, Message


@dataclass(eq=False)
class Sharer(Hands):
    """A user who can do more than write; every verb raises `ApiError` where Slack would refuse."""

    async def share(
        self, channel: Channel, message: Message, text: str = "", *, thread: Message | str | None = None
    ) -> Message:
        """Share a message in another place ("Share message…"), with a comment or without."""
        shared = kinds.share(self.world, message, _place(channel, thread), self, text)
        await asyncio.sleep(0)
        return shared

    async def paste_table(
        self, channel: Channel, rows: list[list[str]], text: str = "", *, thread: Message | str | None = None
    ) -> Message:
        """Write a message with a table; cells that hold Slack's tokens or links become rich text."""
        pasted = kinds.paste_table(self.world, _place(channel, thread), self, rows, text)
        await asyncio.sleep(0)
        return pasted

    async def alert(self, channel: Channel, **attachment: object) -> Message:
        """Post like a monitoring app: fallback, pretext, title, text, fields (title, value, short); for bots only.

        Raises:
            LookupError: A person has no such message.
        """
        if not self.is_bot:
            raise LookupError(f"{self.name} is no bot")
        words: JsonObject = dict(attachment)
        posted = kinds.alert(self.world, channel, self, words)
        await asyncio.sleep(0)
        return posted

    async def me(self, channel: Channel, text: str) -> Message:
        """Write "/me …"."""
        said = kinds.say_me(self.world, channel, self, text)
        await asyncio.sleep(0)
        return said

    async def pin(self, message: Message) -> None:
        """Pin a message, anybody's."""
        kinds.pin(self.world, message, self)
        await asyncio.sleep(0)

    async def unpin(self, message: Message) -> None:
        """Take a pin back."""
        kinds.unpin(self.world, message, self)
        await asyncio.sleep(0)


def _place(channel: Channel, thread: Message | str | None) -> kinds.Place:
    return kinds.Place(channel, thread.root if isinstance(thread, Message) else thread)
