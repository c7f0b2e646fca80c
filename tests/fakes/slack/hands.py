"""What people press, choose and fill in: commands, buttons, shortcuts and forms."""

import asyncio
from dataclasses import dataclass, field

from .blocks.content import typed
from .blocks.elements import find_action, form_state
from .delivery.interactions import Interaction, Interactions
from .world.models import Channel, JsonObject, Message, User, View
from .world.payloads import message_json, view_json
from .world.state import World


@dataclass(eq=False)
class Hands(User):
    """A user who can press things; each verb returns at once, before the app has acknowledged (`is_done`)."""

    world: World = field(kw_only=True, repr=False)
    interactions: Interactions = field(kw_only=True, repr=False)
    tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False, repr=False)

    async def run(self, channel: Channel, command: str, text: str = "") -> Interaction:
        """Use a slash command, such as "/glados" with the text "ask why?".

        Raises:
            LookupError: The app has no such command.
        """
        commands = self.world.app.commands
        if commands is not None and command not in commands:
            raise LookupError(f"No command {command!r} among {sorted(commands)}")
        interaction = self.interactions.start("command", self, channel)
        is_named = channel.kind == "channel"
        payload: JsonObject = {
            "token": self.world.app.verification_token,
            "team_id": self.team.id,
            "team_domain": self.team.domain,
            "channel_id": channel.id,
            "channel_name": channel.name if is_named else {"im": "directmessage"}.get(channel.kind, "privategroup"),
            "user_id": self.id,
            "user_name": self.name,
            "command": command,
            "text": typed(text, links=False),
            "api_app_id": self.world.app.id,
            "is_enterprise_install": "false",
            "response_url": interaction.response_url,
            "trigger_id": interaction.trigger_id,
        }
        if self.team.enterprise_id:
            payload |= {"enterprise_id": self.team.enterprise_id, "enterprise_name": "Organisation"}
        return await self._send(interaction, "slash_commands", payload)

    async def click(self, message: Message | View, element: str, option: str = "") -> Interaction:
        """Press the button (or choose the option) with this label, value or action id.

        Raises:
            LookupError: There is no such element, or the person does not see it.
        """
        if isinstance(message, Message) and message.visible_to not in {None, self.id}:
            raise LookupError(f"{self.name} does not see message {message.ts}")
        blocks = message.pressable if isinstance(message, Message) else message.payload["blocks"]
        action = find_action(blocks, element, option)
        source = message if isinstance(message, Message) else None
        interaction = self.interactions.start("block_actions", self, source.channel if source else None, source)
        payload = self._payload("block_actions", interaction) | {
            "actions": [action | {"action_ts": self.world.clock.timestamp()}],
            "state": {"values": {}},
        }
        if isinstance(message, View):
            return await self._send(interaction, "interactive", payload | self._view_part(message))
        channel = message.channel
        container: JsonObject = {"type": "message", "message_ts": message.ts, "channel_id": channel.id}
        container["is_ephemeral"] = message.visible_to is not None
        if message.is_reply:
            container["thread_ts"] = message.thread_ts
        payload |= {"container": container, "channel": {"id": channel.id, "name": channel.name}}
        payload |= {"response_url": interaction.response_url}
        if message.visible_to is None:
            payload["message"] = message_json(message, self.world)
        return await self._send(interaction, "interactive", payload)

    async def shortcut(self, message: Message | None, callback_id: str) -> Interaction:
        """Use a shortcut from the menu of a message, or (None) a global one.

        Raises:
            LookupError: The app has no such shortcut.
        """
        known = self.world.app.shortcuts
        if known is not None and callback_id not in known:
            raise LookupError(f"No shortcut {callback_id!r} among {sorted(known)}")
        kind = "shortcut" if message is None else "message_action"
        interaction = self.interactions.start(kind, self, message.channel if message else None, message)
        payload = self._payload(kind, interaction) | {"callback_id": callback_id}
        payload["action_ts"] = self.world.clock.timestamp()
        if message is not None:
            payload |= {
                "message_ts": message.ts,
                "channel": {"id": message.channel.id, "name": message.channel.name},
                "message": message_json(message, self.world),
                "response_url": interaction.response_url,
            }
        return await self._send(interaction, "interactive", payload)

    async def submit(self, view: View, values: JsonObject | None = None) -> Interaction:
        """Send off a form. Values by block id or action id: a text, an option's value, or a list of them.

        Raises:
            LookupError: The form is closed, or has no such input.
        """
        if not view.is_open:
            raise LookupError(f"The form {view.title!r} is closed")
        view.payload["state"] = {"values": form_state(view, values or {})}
        interaction = self.interactions.start("view_submission", self, None)
        payload = self._payload("view_submission", interaction) | self._view_part(view) | {"response_urls": []}
        return await self._send(interaction, "interactive", payload, view)

    async def close(self, view: View) -> Interaction | None:
        """Close a form; the app is told if it wants to know."""
        view.is_open = False
        if not view.payload.get("notify_on_close"):
            return None
        interaction = self.interactions.start("view_closed", self, None)
        payload = self._payload("view_closed", interaction) | self._view_part(view) | {"is_cleared": False}
        return await self._send(interaction, "interactive", payload, view)

    @property
    def app_bot(self) -> User:
        """The app's bot in this workspace."""
        installation = self.world.installation(self.team)
        if installation is None:
            raise LookupError(f"The app is not installed in {self.team.name}")
        return installation.bot

    def _payload(self, kind: str, interaction: Interaction) -> JsonObject:
        who = {"id": self.id, "username": self.name, "name": self.name, "team_id": self.team.id}
        enterprise = self.team.enterprise_id
        return {
            "type": kind,
            "user": who,
            "api_app_id": self.world.app.id,
            "token": self.world.app.verification_token,
            "team": {"id": self.team.id, "domain": self.team.domain},
            "enterprise": {"id": enterprise, "name": "Organisation"} if enterprise else None,
            "is_enterprise_install": False,
            "trigger_id": interaction.trigger_id,
        }

    def _view_part(self, view: View) -> JsonObject:
        told = view_json(view, self.world.app.id, self.app_bot.bot_id)
        return {"view": told, "container": {"type": "view", "view_id": view.id}}

    async def _send(
        self, interaction: Interaction, kind: str, payload: JsonObject, view: View | None = None
    ) -> Interaction:
        task = asyncio.create_task(self.interactions.send(interaction, kind, payload, view))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        await asyncio.sleep(0)
        return interaction
