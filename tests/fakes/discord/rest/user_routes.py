"""REST: the bot's own account, its application, users, guilds, members and the gateway's address."""

from aiohttp import web

from tests.fakes.discord.world.errors import ApiError
from tests.fakes.discord.world.payloads import channel_json, guild_json, member_json, role_json, thread_json, user_json
from tests.fakes.discord.world.state import World

from .pipeline import API, path_id, read_body, reply

SESSION_STARTS = 1000
_CONTENT_INTENT = 1 << 15
_CONTENT_FLAG, _LIMITED_CONTENT_FLAG = 1 << 18, 1 << 19


class UserRoutes:
    """Handlers of these routes."""

    def __init__(self, world: World, shards: int = 1) -> None:
        self.shards = shards
        self.gateway_url = ""
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """Paths and their handlers."""
        return [
            web.get(f"{API}/users/@me", self.me),
            web.get(f"{API}/oauth2/applications/@me", self.application),
            web.get(f"{API}/applications/@me", self.application),
            web.get(f"{API}/gateway/bot", self.gateway),
            web.post(f"{API}/users/@me/channels", self.open_direct_channel),
            web.delete(f"{API}/users/@me/guilds/{{guild_id:\\d+}}", self.leave),
            web.get(f"{API}/users/{{user_id:\\d+}}", self.user),
            web.get(f"{API}/guilds/{{guild_id:\\d+}}", self.guild),
            web.get(f"{API}/guilds/{{guild_id:\\d+}}/channels", self.channels),
            web.get(f"{API}/guilds/{{guild_id:\\d+}}/roles", self.roles),
            web.get(f"{API}/guilds/{{guild_id:\\d+}}/threads/active", self.active_threads),
            web.get(f"{API}/guilds/{{guild_id:\\d+}}/members/{{user_id:\\d+}}", self.member),
        ]

    async def me(self, _: web.Request) -> web.Response:
        return reply(user_json(self._world.bot))

    async def application(self, _: web.Request) -> web.Response:
        portal = self._world.application
        has_content = portal.privileged_intents & _CONTENT_INTENT
        return reply(
            {
                "id": str(portal.id),
                "name": self._world.bot.name,
                "description": "",
                "icon": None,
                "bot_public": True,
                "bot_require_code_grant": False,
                "owner": user_json(self._world.bot),
                "verify_key": "0" * 64,
                "flags": _LIMITED_CONTENT_FLAG if has_content else 0,
            }
        )

    async def gateway(self, _: web.Request) -> web.Response:
        limit = {"total": SESSION_STARTS, "remaining": SESSION_STARTS, "reset_after": 0, "max_concurrency": 1}
        return reply({"url": self.gateway_url, "shards": self.shards, "session_start_limit": limit})

    async def open_direct_channel(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        user = self._world.user(int(body.payload["recipient_id"]))
        return reply(channel_json(self._world.direct(user), self._world))

    async def user(self, request: web.Request) -> web.Response:
        return reply(user_json(self._world.user(path_id(request, "user_id"))))

    async def guild(self, request: web.Request) -> web.Response:
        guild = self._world.guild(path_id(request, "guild_id"))
        return reply(guild_json(guild, self._world, all_members=False))

    async def leave(self, request: web.Request) -> web.Response:
        guild = self._world.guild(path_id(request, "guild_id"))
        del guild.members[self._world.bot.id]
        self._world.emit("GUILD_DELETE", {"id": str(guild.id)}, guild=guild)
        return reply()

    async def channels(self, request: web.Request) -> web.Response:
        guild = self._world.guild(path_id(request, "guild_id"))
        return reply([channel_json(channel, self._world) for channel in guild.channels.values()])

    async def roles(self, request: web.Request) -> web.Response:
        guild = self._world.guild(path_id(request, "guild_id"))
        return reply([role_json(role) for role in guild.roles.values()])

    async def active_threads(self, request: web.Request) -> web.Response:
        guild = self._world.guild(path_id(request, "guild_id"))
        threads = [thread for thread in guild.threads.values() if thread.thread and not thread.thread.archived]
        seen = [thread for thread in threads if self._world.permissions(thread, self._world.bot)]
        return reply({"threads": [thread_json(thread) for thread in seen], "members": []})

    async def member(self, request: web.Request) -> web.Response:
        guild = self._world.guild(path_id(request, "guild_id"))
        member = guild.members.get(path_id(request, "user_id"))
        if member is None:
            raise ApiError(10007)
        return reply(member_json(member))
