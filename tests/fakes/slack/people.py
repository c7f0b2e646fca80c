"""Simulated users: what people do in their Slack client, under the same rules as everybody."""

import asyncio
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from tests.fakes.common.clock import dispatched

from .blocks.content import rich_text, typed
from .sharing import Sharer
from .world.errors import ApiError
from .world.messages import add_message, check_may_post, delete_file, delete_message, edited
from .world.models import Channel, File, JsonObject, Message
from .world.payloads import message_json, view_json
from .world.reactions import react, unreact
from .world.streams import stop_by_user

# Name, media type, content.
NewFile = tuple[str, str, bytes]


@dataclass(eq=False)
class Person(Sharer):
    """A user whom a test or a developer acts for. Every verb raises `ApiError` where Slack would refuse."""

    # Messages.

    async def say(
        self,
        channel: Channel,
        text: str = "",
        *,
        thread: Message | str | None = None,
        broadcast: bool = False,
        files: Iterable[NewFile] = (),
        client_msg_id: str = "",
    ) -> Message:
        """Write a message.

        Args:
            channel: Where.
            text: What the person types; Slack's tokens (`fake.bot.mention`) stay, everything else is encoded.
            thread: The message to reply to, or the root's timestamp.
            broadcast: "Also send to the channel".
            files: Files to upload with it.
            client_msg_id: A fixed one, for a client that sends twice.
        """
        thread_ts = thread.root if isinstance(thread, Message) else thread
        check_may_post(channel, self, thread_ts)
        stored = [self.upload(file) for file in files]
        if not text.strip() and not stored:
            raise ApiError("no_text")
        wire = typed(text)
        message = Message(
            self.world.clock.timestamp(),
            channel,
            self,
            text=wire,
            blocks=[rich_text(wire) | {"block_id": "b0"}] if wire and not self.is_bot else [],
            thread_ts=thread_ts,
            broadcast=broadcast,
            files=stored,
            subtype="file_share" if stored else "",
            client_msg_id="" if self.is_bot else client_msg_id or str(uuid.uuid4()),
        )
        add_message(self.world, message)
        return await dispatched(message)

    async def dm(
        self, text: str = "", *, thread: Message | str | None = None, files: Iterable[NewFile] = ()
    ) -> Message:
        """Write to the bot directly."""
        if not self.world.app.messages_tab:
            raise ApiError("messages_tab_disabled")
        return await self.say(self.direct, text, thread=thread, files=files)

    @property
    def direct(self) -> Channel:
        """The direct conversation with the bot of this workspace."""
        return self.world.direct(self, self.app_bot)

    async def edit(self, message: Message, text: str, *, files: Iterable[NewFile] = ()) -> None:
        """Change an own message, and perhaps add files to it."""
        if message.author is not self:
            raise ApiError("cant_update_message")
        before = message_json(message, self.world)
        message.text = typed(text)
        message.blocks = [rich_text(message.text) | {"block_id": "b0"}]
        message.files = [*message.files, *map(self.upload, files)]
        edited(self.world, message, before)
        await asyncio.sleep(0)

    async def delete(self, message: Message) -> None:
        """Delete an own message."""
        if message.author is not self:
            raise ApiError("cant_delete_message")
        delete_message(self.world, message)
        await asyncio.sleep(0)

    async def delete_file(self, file: File) -> None:
        """Delete an own file; messages keep a tombstone of it."""
        if file.owner is not self:
            raise ApiError("cant_delete_file")
        delete_file(self.world, file)
        await asyncio.sleep(0)

    async def react(self, message: Message, name: str) -> None:
        """Put a reaction under a message."""
        react(self.world, message, self, name)
        await asyncio.sleep(0)

    async def unreact(self, message: Message, name: str) -> None:
        """Take the reaction back."""
        unreact(self.world, message, self, name)
        await asyncio.sleep(0)

    def upload(self, new: NewFile, *, redirect_to: str = "", external_url: str = "") -> File:
        """Put a file on Slack, or (with `external_url`) link to one elsewhere."""
        name, mimetype, content = new
        file_id = self.world.clock.id("F")
        url = f"{self.world.base_url}/files-pri/{self.team.id}-{file_id}/{name}"
        file = File(file_id, name, mimetype, content, self, url, redirect_to, external_url)
        self.world.files[file.id] = file
        return file

    # What the agent surfaces add.

    async def open_home(self, tab: str = "home") -> None:
        """Go to the app's home, or its messages tab."""
        home = next(
            (one for one in self.world.views.values() if one.user is self and one.payload["type"] == "home"), None
        )
        event: JsonObject = {"type": "app_home_opened", "user": self.id, "channel": self.direct.id, "tab": tab}
        event["event_ts"] = self.world.clock.timestamp()
        if home is not None and tab == "home":
            event["view"] = view_json(home, self.world.app.id, self.app_bot.bot_id)
        self.world.emit("app_home_opened", event, self.direct)
        await asyncio.sleep(0)

    async def open_assistant(self, context: Channel | None = None) -> Message:
        """Open the older assistant view beside a channel: a new thread, whose root is the app's.

        Raises:
            LookupError: The app is no assistant.
        """
        if self.world.app.agent != "assistant":
            raise LookupError("The app has no assistant view")
        root = Message(self.world.clock.timestamp(), self.direct, self.app_bot, text="New Assistant Thread")
        root.subtype, root.thread_ts = "assistant_app_thread", root.ts
        self.direct.messages[root.ts] = root
        self._tell_assistant("assistant_thread_started", root.ts, context)
        return await dispatched(root)

    async def look_at(self, context: Channel, thread: Message | None = None) -> None:
        """Go to another channel while the assistant (`thread`: its root) or the agent is open."""
        if thread is not None:
            self._tell_assistant("assistant_thread_context_changed", thread.root, context)
        else:
            entity = {"type": "channel", "value": context.id, "team_id": self.team.id}
            event = {"type": "app_context_changed", "user": self.id, "context": {"entities": [entity]}}
            event |= {"channel": self.direct.id, "event_ts": self.world.clock.timestamp()}
            self.world.emit("app_context_changed", event, self.direct)
        await asyncio.sleep(0)

    async def stop(self, message: Message) -> None:
        """Press stop under a streaming answer.

        Raises:
            LookupError: Nothing streams, and no session of the thread is being processed: there is no such button.
        """
        where = (message.channel.id, message.root)
        sessions = self.world.ledger.sessions.get(where, [])
        in_session = bool(sessions) and sessions[-1] == "processing"
        stopped = [one.ts for one in self._thread(message) if stop_by_user(self.world, one)]
        if not stopped and not in_session:
            raise LookupError("There is no stop button")
        event: JsonObject = {
            "type": "agent_session_stopped",
            "channel": where[0],
            "thread_ts": where[1],
            "user": self.id,
        }
        event |= {"streaming_message_ts": stopped, "event_ts": self.world.clock.timestamp()}
        if in_session:
            self.world.emit("agent_session_stopped", event, message.channel)
        await asyncio.sleep(0)

    def _thread(self, message: Message) -> list[Message]:
        return [one for one in message.channel.messages.values() if one.root == message.root]

    def _tell_assistant(self, name: str, thread_ts: str, context: Channel | None) -> None:
        seen = {} if context is None else {"channel_id": context.id, "team_id": self.team.id}
        thread = {"user_id": self.id, "channel_id": self.direct.id, "thread_ts": thread_ts}
        thread["context"] = seen | {"enterprise_id": self.team.enterprise_id}  # type: ignore[assignment]
        event = {"type": name, "assistant_thread": thread, "event_ts": self.world.clock.timestamp()}
        self.world.emit(name, event, team=self.team)
