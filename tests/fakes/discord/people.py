"""Simulated users: what people do in their Discord client, under the same rules as everybody."""

import asyncio
from dataclasses import dataclass, field

from tests.fakes.common.clock import dispatched

from .world.commands import command_data, find_command
from .world.content import walk
from .world.errors import ApiError
from .world.interactions import Interaction, InteractionType
from .world.interactions import Interactions as InteractionList
from .world.kinds import announce_thread, forward, pin, poll, sticker, thread_on_message, unpin
from .world.messages import Origin, check_may_send, create_message, delete_message, edit_message
from .world.models import Attachment, Channel, ChannelType, JsonObject, Message, User
from .world.payloads import message_json
from .world.permissions import Permission
from .world.reactions import add_reaction, remove_reaction
from .world.state import NewFile, World
from .world.threads import add_thread_member, change_thread, check_may_open_thread, delete_thread, open_thread

_MESSAGE_COMMAND = 3
_BUTTON = 2


@dataclass(eq=False)
class Person(User):
    """A user whom a test or a developer acts for. Every verb raises `ApiError` where Discord would refuse."""

    world: World = field(kw_only=True, repr=False)
    interactions: InteractionList = field(kw_only=True, repr=False)

    async def say(
        self,
        channel: Channel,
        content: str = "",
        *,
        reply_to: Message | None = None,
        pings: bool = True,
        files: list[NewFile] | None = None,
        flags: int = 0,
    ) -> Message:
        """Write a message; `pings` is the switch on a reply."""
        self._require_to_write(channel)
        payload: JsonObject = {"content": content, "flags": flags}
        if reply_to is not None:
            payload["message_reference"] = {"message_id": str(reply_to.id)}
            everything = {"parse": ["users", "roles", "everyone"]}
            payload["allowed_mentions"] = everything | {"replied_user": pings}
        stored = self.world.store_files(channel.id, files or [])
        message = create_message(self.world, channel, self, payload, stored)
        return await dispatched(message)

    async def dm(self, content: str, *, files: list[NewFile] | None = None) -> Message:
        """Write to the bot directly."""
        return await self.say(self.world.direct(self), content, files=files)

    async def forward(self, message: Message, channel: Channel) -> Message:
        """Show a message in another place; that forwards neither its author nor anything to say about it."""
        self._require_to_write(channel)
        return await dispatched(forward(self.world, message, channel, self))

    async def poll(self, channel: Channel, question: str, *answers: str) -> Message:
        """Let everybody vote."""
        self._require_to_write(channel)
        return await dispatched(poll(self.world, channel, self, question, list(answers)))

    async def sticker(self, channel: Channel, name: str = "Wave") -> Message:
        """Send a sticker, and nothing else."""
        self._require_to_write(channel)
        return await dispatched(sticker(self.world, channel, self, name))

    async def pin(self, message: Message) -> None:
        """Pin a message, as a moderator."""
        self.world.require(message.channel, self, Permission.MANAGE_MESSAGES)
        pin(self.world, message, self)
        await asyncio.sleep(0)

    async def unpin(self, message: Message) -> None:
        """Take a pin back, as a moderator."""
        self.world.require(message.channel, self, Permission.MANAGE_MESSAGES)
        unpin(self.world, message)
        await asyncio.sleep(0)

    async def edit(
        self, message: Message, content: str, *, adds: list[NewFile] | None = None, without: str = ""
    ) -> None:
        """Change an own message: its text, and its files (`without` names one). A forward has nothing to change."""
        self._require_own(message)
        if message.snapshots:
            raise ApiError(50005)
        kept = [{"id": str(one.id)} for one in message.attachments if one.filename != without]
        added = self.world.store_files(message.channel.id, adds or [])
        edit_message(self.world, message, {"content": content, "attachments": kept}, added)
        await asyncio.sleep(0)

    async def delete(self, message: Message) -> None:
        """Delete an own message, or, as a moderator, that of somebody else."""
        if message.author is not self:
            self.world.require(message.channel, self, Permission.MANAGE_MESSAGES)
        delete_message(self.world, message)
        await asyncio.sleep(0)

    async def react(self, message: Message, emoji: str) -> None:
        """Put a reaction under a message."""
        self.world.require(message.channel, self, Permission.ADD_REACTIONS)
        add_reaction(self.world, message, self, emoji)
        await asyncio.sleep(0)

    async def unreact(self, message: Message, emoji: str) -> None:
        """Take the reaction back."""
        remove_reaction(self.world, message, self, emoji)
        await asyncio.sleep(0)

    async def open_thread(
        self, where: Message | Channel, name: str, content: str = "", *, private: bool = False
    ) -> Channel:
        """Open a thread on a message, in a channel, or as a post in a forum (with `content` as its first message)."""
        payload: JsonObject = {"name": name, "type": 12 if private else 11}
        if isinstance(where, Message):
            return await dispatched(thread_on_message(self.world, where, self, payload))
        kind = check_may_open_thread(self.world, where, self, payload)
        thread = open_thread(self.world, where, self, payload, kind=kind, thread_id=self.world.clock.snowflake())
        announce_thread(self.world, thread, self)
        if where.type is ChannelType.FORUM:
            create_message(self.world, thread, self, {"content": content}, origin=Origin(message_id=thread.id))
        elif content:
            await self.say(thread, content)
        return await dispatched(thread)

    async def change_thread(self, thread: Channel, *, archived: bool | None = None, locked: bool | None = None) -> None:
        """Archive or lock a thread, or undo it."""
        owner = thread.thread is not None and thread.thread.owner_id == self.id
        if locked is not None or not owner:
            self.world.require(thread, self, Permission.MANAGE_THREADS)
        wanted = {"archived": archived, "locked": locked}
        change_thread(self.world, thread, {key: to for key, to in wanted.items() if to is not None})
        await asyncio.sleep(0)

    async def delete_thread(self, thread: Channel) -> None:
        """Delete a thread, as a moderator."""
        self.world.require(thread, self, Permission.MANAGE_THREADS)
        delete_thread(self.world, thread)
        await asyncio.sleep(0)

    async def add_to_thread(self, thread: Channel, user: User) -> None:
        """Bring somebody into a thread, such as the bot."""
        self.world.require(thread, self, Permission.SEND_MESSAGES_IN_THREADS)
        add_thread_member(self.world, thread, user)
        await asyncio.sleep(0)

    async def run(self, channel: Channel, command: str, **options: object) -> Interaction:
        """Use a slash command; groups and subcommands follow its name after spaces.

        Raises:
            UnknownCommandError: The client would not offer it.
        """
        name, *path = command.removeprefix("/").split()
        definition = find_command(self.world, channel, self, name)
        data = command_data(self.world, channel, definition, path, options)
        return await dispatched(self.interactions.start(InteractionType.COMMAND, self, channel, data))

    async def complete(self, channel: Channel, command: str, option: str, typed: str) -> Interaction:
        """Type into an option of a slash command; the bot's proposals are in `choices`."""
        name, *path = command.removeprefix("/").split()
        definition = find_command(self.world, channel, self, name)
        data = command_data(self.world, channel, definition, path, {option: typed})
        options = data["options"]
        while "options" in options[0]:
            options = options[0]["options"]
        options[0]["focused"] = True
        return await dispatched(self.interactions.start(InteractionType.AUTOCOMPLETE, self, channel, data))

    async def run_on(self, message: Message, command: str) -> Interaction:
        """Use a command from the menu of a message."""
        definition = find_command(self.world, message.channel, self, command, _MESSAGE_COMMAND)
        data = command_data(self.world, message.channel, definition, [], {})
        data["target_id"] = str(message.id)
        data["resolved"] = {"messages": {str(message.id): message_json(message, self.world)}}
        return await dispatched(self.interactions.start(InteractionType.COMMAND, self, message.channel, data))

    async def click(self, message: Message, button: str) -> Interaction:
        """Press the button with this label, emoji or custom id.

        Raises:
            LookupError: There is no such button, or it cannot be pressed.
        """
        if message.visible_to not in {None, self.id}:
            raise LookupError(f"{self.name} does not see message {message.id}")
        buttons = [part for part in walk(message.components) if part["type"] == _BUTTON and part.get("custom_id")]
        found = next((part for part in buttons if button in button_names(part)), None)
        if found is None or found.get("disabled"):
            raise LookupError(f"No button {button!r} to press among {[button_names(part) for part in buttons]}")
        data = {"custom_id": found["custom_id"], "component_type": _BUTTON, "id": found["id"]}
        where = message.channel
        return await dispatched(self.interactions.start(InteractionType.COMPONENT, self, where, data, message))

    async def submit(self, interaction: Interaction, values: dict[str, str]) -> Interaction:
        """Send off the form that the bot showed in answer to `interaction`; values by custom id."""
        if interaction.modal is None:
            raise LookupError("The bot showed no form")
        rows = [
            {"type": 1, "components": [{"type": 4, "custom_id": key, "value": value}]} for key, value in values.items()
        ]
        data = {"custom_id": interaction.modal["custom_id"], "components": rows}
        return await dispatched(
            self.interactions.start(InteractionType.MODAL, self, interaction.channel, data, interaction.source)
        )

    def attachment(self, channel: Channel, file: NewFile) -> Attachment:
        """A file for an option of a slash command."""
        return self.world.store_files(channel.id, [file])[0]

    def _require_to_write(self, channel: Channel) -> None:
        self.world.channel(channel.id, self)
        check_may_send(self.world, channel, self)

    def _require_own(self, message: Message) -> None:
        if message.author is not self:
            raise ApiError(50005)


def button_names(part: JsonObject) -> set[str]:
    """Everything a button may be called by."""
    emoji = (part.get("emoji") or {}).get("name")
    return {name for name in (part.get("label"), emoji, part.get("custom_id")) if name}
