"""REST: channels and threads: opening, joining, changing and deleting them."""

from aiohttp import web

from tests.fakes.discord.world.errors import ApiError
from tests.fakes.discord.world.kinds import announce_thread, thread_on_message
from tests.fakes.discord.world.messages import Origin, create_message
from tests.fakes.discord.world.models import Channel
from tests.fakes.discord.world.payloads import channel_json, message_json, thread_json
from tests.fakes.discord.world.permissions import Permission
from tests.fakes.discord.world.state import World
from tests.fakes.discord.world.threads import (
    add_thread_member,
    change_thread,
    check_may_open_thread,
    check_settings,
    delete_thread,
    open_thread,
    remove_thread_member,
    thread_member_json,
)

from .pipeline import API, path_id, read_body, reply

_CHANNEL = f"{API}/channels/{{channel_id:\\d+}}"


class ThreadRoutes:
    """Handlers of these routes; all of them act as the bot."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """Paths and their handlers."""
        members = f"{_CHANNEL}/thread-members"
        return [
            web.get(_CHANNEL, self.fetch),
            web.patch(_CHANNEL, self.change),
            web.delete(_CHANNEL, self.delete),
            web.post(f"{_CHANNEL}/messages/{{message_id:\\d+}}/threads", self.open_on_message),
            web.post(f"{_CHANNEL}/threads", self.open),
            web.get(members, self.members),
            web.put(f"{members}/@me", self.join),
            web.delete(f"{members}/@me", self.leave),
            web.put(f"{members}/{{user_id:\\d+}}", self.add),
            web.delete(f"{members}/{{user_id:\\d+}}", self.remove),
        ]

    async def fetch(self, request: web.Request) -> web.Response:
        return reply(channel_json(self._channel(request), self._world))

    async def open_on_message(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        message = self._world.message(channel, path_id(request, "message_id"))
        body = await read_body(request)
        return reply(thread_json(thread_on_message(self._world, message, self._world.bot, body.payload)), 201)

    async def open(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        body = await read_body(request)
        kind = check_may_open_thread(self._world, channel, self._world.bot, body.payload)
        thread = open_thread(
            self._world, channel, self._world.bot, body.payload, kind=kind, thread_id=self._world.clock.snowflake()
        )
        announce_thread(self._world, thread, self._world.bot)
        first = body.payload.get("message")
        if first is None:
            return reply(thread_json(thread), 201)
        files = self._world.store_files(thread.id, body.files)
        message = create_message(
            self._world, thread, self._world.bot, first, files, origin=Origin(message_id=thread.id)
        )
        return reply(thread_json(thread) | {"message": message_json(message, self._world)}, 201)

    async def change(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        payload = (await read_body(request)).payload
        if channel.thread is None:
            self._world.require(channel, self._world.bot, Permission.MANAGE_CHANNELS)
            raise ApiError(50024)
        check_settings(payload)
        if channel.thread.owner_id != self._world.bot.id or "locked" in payload:
            self._world.require(channel, self._world.bot, Permission.MANAGE_THREADS)
        if channel.thread.archived and payload.get("archived") is not False:
            raise ApiError(50083)
        if channel.thread.locked and payload.get("archived") is False:
            self._world.require(channel, self._world.bot, Permission.MANAGE_THREADS)
        change_thread(self._world, channel, payload)
        return reply(thread_json(channel))

    async def delete(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        payload = channel_json(channel, self._world)
        if channel.guild is not None:
            needed = Permission.MANAGE_CHANNELS if channel.thread is None else Permission.MANAGE_THREADS
            self._world.require(channel, self._world.bot, needed)
            if channel.thread is None:
                raise ApiError(50024)
            delete_thread(self._world, channel)
        return reply(payload)

    async def members(self, request: web.Request) -> web.Response:
        thread = self._thread(request)
        ids = sorted(thread.thread.member_ids) if thread.thread else []
        return reply([thread_member_json(self._world, thread, user_id) for user_id in ids])

    async def join(self, request: web.Request) -> web.Response:
        add_thread_member(self._world, self._thread(request), self._world.bot)
        return reply()

    async def leave(self, request: web.Request) -> web.Response:
        remove_thread_member(self._world, self._thread(request), self._world.bot)
        return reply()

    async def add(self, request: web.Request) -> web.Response:
        thread = self._thread(request)
        self._world.require(thread, self._world.bot, Permission.SEND_MESSAGES_IN_THREADS)
        add_thread_member(self._world, thread, self._world.user(path_id(request, "user_id")))
        return reply()

    async def remove(self, request: web.Request) -> web.Response:
        thread = self._thread(request)
        self._world.require(thread, self._world.bot, Permission.MANAGE_THREADS)
        remove_thread_member(self._world, thread, self._world.user(path_id(request, "user_id")))
        return reply()

    def _channel(self, request: web.Request) -> Channel:
        return self._world.channel(path_id(request, "channel_id"), self._world.bot)

    def _thread(self, request: web.Request) -> Channel:
        channel = self._channel(request)
        if channel.thread is None:
            raise ApiError(50024)
        if channel.thread.archived:
            raise ApiError(50083)
        return channel
