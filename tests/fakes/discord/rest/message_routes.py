"""REST: messages, their history, reactions and the typing notice."""

from aiohttp import web

from tests.fakes.discord.gateway.intents import Intent
from tests.fakes.discord.world.errors import ApiError, form_error
from tests.fakes.discord.world.messages import check_may_send, create_message, delete_message, edit_message
from tests.fakes.discord.world.models import WRITTEN, Attachment, Channel, JsonObject, Message
from tests.fakes.discord.world.payloads import message_json, without_content
from tests.fakes.discord.world.permissions import Permission
from tests.fakes.discord.world.reactions import add_reaction, remove_reaction
from tests.fakes.discord.world.state import World

from .pipeline import API, Body, path_id, read_body, reply

_CHANNEL = f"{API}/channels/{{channel_id:\\d+}}"
_MESSAGE = f"{_CHANNEL}/messages/{{message_id:\\d+}}"
_MAX_HISTORY = 100


class MessageRoutes:
    """Handlers of these routes; all of them act as the bot."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """Paths and their handlers."""
        return [
            web.get(f"{_CHANNEL}/messages", self.history),
            web.post(f"{_CHANNEL}/messages", self.create),
            web.post(f"{_CHANNEL}/typing", self.typing),
            web.get(_MESSAGE, self.fetch),
            web.patch(_MESSAGE, self.edit),
            web.delete(_MESSAGE, self.delete),
            web.put(f"{_MESSAGE}/reactions/{{emoji}}/@me", self.react),
            web.delete(f"{_MESSAGE}/reactions/{{emoji}}/@me", self.unreact),
        ]

    async def create(self, request: web.Request) -> web.Response:
        channel = self._world.channel(path_id(request, "channel_id"), self._world.bot)
        check_may_send(self._world, channel, self._world.bot)
        body = await read_body(request)
        files = self._stored(channel, body)
        return reply(
            message_json(create_message(self._world, channel, self._world.bot, body.payload, files), self._world)
        )

    async def edit(self, request: web.Request) -> web.Response:
        message = self._find(request)
        body = await read_body(request)
        if message.author is not self._world.bot or message.snapshots:
            raise ApiError(50005)
        if message.type not in WRITTEN:
            raise ApiError(50021)
        edit_message(self._world, message, body.payload, self._stored(message.channel, body))
        return reply(message_json(message, self._world))

    async def delete(self, request: web.Request) -> web.Response:
        message = self._find(request)
        if message.author is not self._world.bot:
            self._world.require(message.channel, self._world.bot, Permission.MANAGE_MESSAGES)
        # Documented for operations on archived threads in general; that deletions are excepted is not said.
        if message.channel.thread is not None and message.channel.thread.archived:
            raise ApiError(50083)
        delete_message(self._world, message)
        return reply()

    async def fetch(self, request: web.Request) -> web.Response:
        message = self._find(request)
        self._world.require(message.channel, self._world.bot, Permission.READ_MESSAGE_HISTORY)
        return reply(self._as_seen(message))

    async def history(self, request: web.Request) -> web.Response:
        channel = self._world.channel(path_id(request, "channel_id"), self._world.bot)
        # Without the permission Discord answers with nothing rather than with an error.
        if not self._world.permissions(channel, self._world.bot) & Permission.READ_MESSAGE_HISTORY:
            return reply([])
        messages = [message for message in channel.messages.values() if message.visible_to is None]
        return reply([self._as_seen(message) for message in _page(messages, dict(request.query))])

    async def typing(self, request: web.Request) -> web.Response:
        channel = self._world.channel(path_id(request, "channel_id"), self._world.bot)
        check_may_send(self._world, channel, self._world.bot)
        self._world.ledger.typing.append((self._world.clock.now(), channel.id))
        self._world.ledger.changed()
        return reply()

    async def react(self, request: web.Request) -> web.Response:
        message = self._find(request)
        self._world.require(message.channel, self._world.bot, Permission.READ_MESSAGE_HISTORY)
        emoji = request.match_info["emoji"]
        if emoji not in message.reactions:
            self._world.require(message.channel, self._world.bot, Permission.ADD_REACTIONS)
        add_reaction(self._world, message, self._world.bot, emoji)
        return reply()

    async def unreact(self, request: web.Request) -> web.Response:
        remove_reaction(self._world, self._find(request), self._world.bot, request.match_info["emoji"])
        return reply()

    def _stored(self, channel: Channel, body: Body) -> list[Attachment]:
        """The files of a body, on the hosts of files. Raises ApiError 50013 or 40005."""
        if body.files:
            self._world.require(channel, self._world.bot, Permission.ATTACH_FILES)
        if any(len(content) > self._world.largest_file for _, _, content in body.files):
            raise ApiError(40005)
        return self._world.store_files(channel.id, body.files)

    def _find(self, request: web.Request) -> Message:
        channel = self._world.channel(path_id(request, "channel_id"), self._world.bot)
        return self._world.message(channel, path_id(request, "message_id"))

    def _as_seen(self, message: Message) -> JsonObject:
        """The message as the bot may read it: the content intent counts for REST too. Addresses of files are new."""
        self._world.sign_anew(message)
        payload = message_json(message, self._world)
        is_open = (
            bool(self._world.application.privileged_intents & Intent.MESSAGE_CONTENT)
            or message.channel.guild is None
            or message.author is self._world.bot
            or self._world.bot in message.mentioned_users
        )
        return payload if is_open else without_content(payload)


def _page(messages: list[Message], query: dict[str, str]) -> list[Message]:
    """One page of history, newest first, as `before`, `after`, `around` and `limit` ask."""
    limit = int(query.get("limit", 50))
    if not 1 <= limit <= _MAX_HISTORY:
        raise form_error("limit", "NUMBER_TYPE_MAX", f"int value should be between 1 and {_MAX_HISTORY}.")
    newest_first = sorted(messages, key=lambda message: message.id, reverse=True)
    if "after" in query:
        later = [message for message in newest_first if message.id > int(query["after"])]
        return later[-limit:]
    if "around" in query:
        centre = int(query["around"])
        before = [message for message in newest_first if message.id < centre][: limit // 2]
        after = [message for message in newest_first if message.id >= centre]
        return after[-(limit - limit // 2) :] + before
    edge = int(query["before"]) if "before" in query else None
    return [message for message in newest_first if edge is None or message.id < edge][:limit]
