"""REST: answers to interactions, and the application's commands."""

from aiohttp import web

from tests.fakes.discord.world.command_rules import check_command
from tests.fakes.discord.world.errors import ApiError, form_error
from tests.fakes.discord.world.interactions import Callback, Interaction, Interactions
from tests.fakes.discord.world.messages import delete_message, edit_message
from tests.fakes.discord.world.models import JsonObject
from tests.fakes.discord.world.payloads import message_json
from tests.fakes.discord.world.state import World

from .pipeline import API, path_id, read_body, reply

_CHAT_INPUT = 1
_WEBHOOK = f"{API}/webhooks/{{application_id:\\d+}}/{{token}}"
_COMMANDS = f"{API}/applications/{{application_id:\\d+}}/commands"
_GUILD_COMMANDS = f"{API}/applications/{{application_id:\\d+}}/guilds/{{guild_id:\\d+}}/commands"


class InteractionRoutes:
    """Handlers of these routes. Those with an interaction's token need no other authorisation."""

    def __init__(self, world: World, interactions: Interactions) -> None:
        self._world = world
        self._interactions = interactions

    def routes(self) -> list[web.RouteDef]:
        """Paths and their handlers."""
        one = f"{_WEBHOOK}/messages/{{message_id:@original|\\d+}}"
        found = [
            web.post(f"{API}/interactions/{{interaction_id:\\d+}}/{{token}}/callback", self.respond),
            web.post(_WEBHOOK, self.follow_up),
            web.get(one, self.fetch),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
        ]
        for path in (_COMMANDS, _GUILD_COMMANDS):
            found += [
                web.get(path, self.commands),
                web.put(path, self.replace_commands),
                web.post(path, self.add_command),
                web.delete(f"{path}/{{command_id:\\d+}}", self.delete_command),
            ]
        return found

    async def respond(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        token = request.match_info["token"]
        data = body.payload.get("data") or {}
        files = self._world.store_files(0, body.files)
        callback = Callback(body.payload["type"])
        interaction = self._interactions.respond(path_id(request, "interaction_id"), token, callback, data, files)
        if request.query.get("with_response") not in {"1", "true"}:
            return reply()
        return reply(self._callback_json(interaction, callback))

    async def follow_up(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        files = self._world.store_files(0, body.files)
        message = self._interactions.follow_up(request.match_info["token"], body.payload, files)
        return reply(message_json(message, self._world))

    async def fetch(self, request: web.Request) -> web.Response:
        message = self._interactions.message(request.match_info["token"], _message_id(request))
        return reply(message_json(message, self._world))

    async def edit(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        message = self._interactions.message(request.match_info["token"], _message_id(request))
        edit_message(self._world, message, body.payload, self._world.store_files(message.channel.id, body.files))
        return reply(message_json(message, self._world))

    async def delete(self, request: web.Request) -> web.Response:
        message = self._interactions.message(request.match_info["token"], _message_id(request))
        delete_message(self._world, message)
        return reply()

    async def commands(self, request: web.Request) -> web.Response:
        return reply(self._world.commands.get(self._guild_id(request), []))

    async def replace_commands(self, request: web.Request) -> web.Response:
        guild_id = self._guild_id(request)
        bodies: list[JsonObject] = (await read_body(request)).payload  # type: ignore[assignment]  # a list here
        self._check(bodies)
        known = {
            (command["name"], command["type"]): command["id"] for command in self._world.commands.get(guild_id, [])
        }
        commands = [
            self._command_json(body, guild_id, known.get((body["name"], body.get("type", 1)))) for body in bodies
        ]
        self._world.commands[guild_id] = commands
        self._world.ledger.changed()
        return reply(commands)

    async def add_command(self, request: web.Request) -> web.Response:
        guild_id = self._guild_id(request)
        body = (await read_body(request)).payload
        others = [one for one in self._world.commands.get(guild_id, []) if one["name"] != body["name"]]
        self._check([*others, body])
        command = self._command_json(body, guild_id, None)
        self._world.commands[guild_id] = [*others, command]
        return reply(command, 201)

    async def delete_command(self, request: web.Request) -> web.Response:
        guild_id, command_id = self._guild_id(request), request.match_info["command_id"]
        commands = self._world.commands.get(guild_id, [])
        left = [command for command in commands if command["id"] != command_id]
        if len(left) == len(commands):
            raise ApiError(10063)
        self._world.commands[guild_id] = left
        return reply()

    def _guild_id(self, request: web.Request) -> int | None:
        if path_id(request, "application_id") != self._world.application.id:
            raise ApiError(50001)
        if "guild_id" not in request.match_info:
            return None
        return self._world.guild(path_id(request, "guild_id")).id

    def _check(self, bodies: list[JsonObject]) -> None:
        named = [(body["name"], body.get("type", _CHAT_INPUT)) for body in bodies]
        if len(set(named)) != len(named):
            raise form_error("name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Names must be unique")
        slash = [body for body in bodies if body.get("type", _CHAT_INPUT) == _CHAT_INPUT]
        if len(slash) > self._world.application.max_commands:
            raise ApiError(30032, message="Maximum number of application commands reached")
        for body in slash:
            check_command(body)

    def _command_json(self, body: JsonObject, guild_id: int | None, known_id: str | None) -> JsonObject:
        where = {} if guild_id is None else {"guild_id": str(guild_id)}
        fixed = {
            "id": known_id or str(self._world.clock.snowflake()),
            "application_id": str(self._world.application.id),
            "version": str(self._world.clock.snowflake()),
        }
        return {"type": _CHAT_INPUT, "description": "", "options": []} | body | fixed | where

    def _callback_json(self, interaction: Interaction, callback: Callback) -> JsonObject:
        answer: JsonObject = {"interaction": {"id": str(interaction.id), "type": int(interaction.type)}}
        message = interaction.original
        if message is None or callback not in {Callback.MESSAGE, Callback.DEFERRED_MESSAGE, Callback.UPDATE}:
            return answer
        answer["interaction"] |= {
            "response_message_id": str(message.id),
            "response_message_loading": callback is Callback.DEFERRED_MESSAGE,
            "response_message_ephemeral": interaction.is_ephemeral,
        }
        return answer | {"resource": {"type": int(callback), "message": message_json(message, self._world)}}


def _message_id(request: web.Request) -> int | None:
    text = request.match_info["message_id"]
    return None if text == "@original" else int(text)
