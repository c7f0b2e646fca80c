"""Slash commands, buttons and forms: what a user sets off, and what the bot may answer, when and how often."""

import secrets
from dataclasses import dataclass, field
from enum import IntEnum

from .content import check_message
from .errors import ApiError
from .messages import Origin, create_message, edit_message
from .models import Attachment, Channel, JsonObject, Message, MessageFlag, MessageType, User
from .payloads import channel_json, member_json, message_json, user_json
from .state import World

_CHAT_INPUT = 1

FIRST_ANSWER_S = 3.0
TOKEN_LIFE_S = 15 * 60.0
FILE_LIMIT = 10 * 1024 * 1024


class InteractionType(IntEnum):
    """What the user did."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Callback(IntEnum):
    """How the bot answers first."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


@dataclass(eq=False)
class Interaction:
    """One thing a user did, and what the bot made of it so far."""

    id: int
    token: str
    type: InteractionType
    user: User
    channel: Channel
    data: JsonObject
    created_at: float
    # The message with the button.
    source: Message | None = None
    callback: Callback | None = None
    original: Message | None = None
    follow_ups: list[Message] = field(default_factory=list)
    modal: JsonObject | None = None
    choices: list[JsonObject] | None = None

    @property
    def content(self) -> str:
        """The text of the bot's first message; empty before there is one."""
        return "" if self.original is None or self.original is self.source else self.original.content

    @property
    def is_ephemeral(self) -> bool:
        """Whether only the user sees the first message."""
        return self.original is not None and self.original.visible_to is not None


class Interactions:
    """All interactions of one fake."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._by_token: dict[str, Interaction] = {}

    def start(
        self, kind: InteractionType, user: User, channel: Channel, data: JsonObject, source: Message | None = None
    ) -> Interaction:
        """A user does something; the bot is told."""
        world = self._world
        interaction = Interaction(
            world.clock.snowflake(), secrets.token_urlsafe(48), kind, user, channel, data, world.clock.now(), source
        )
        self._by_token[interaction.token] = interaction
        guild = channel.guild
        payload: JsonObject = {
            "id": str(interaction.id),
            "application_id": str(world.application.id),
            "type": int(kind),
            "token": interaction.token,
            "version": 1,
            "data": data,
            "channel_id": str(channel.id),
            "channel": channel_json(channel, world) | {"permissions": str(int(world.permissions(channel, user)))},
            "app_permissions": str(int(world.permissions(channel, world.bot))),
            "locale": user.locale,
            "entitlements": [],
            "authorizing_integration_owners": {"0": "0" if guild is None else str(guild.id)},
            "context": 1 if guild is None else 0,
            "attachment_size_limit": FILE_LIMIT,
        }
        if source is not None:
            payload["message"] = message_json(source, world)
        if guild is None:
            payload["user"] = user_json(user)
        else:
            rights = {"permissions": str(int(world.permissions(channel, user)))}
            payload["guild_id"] = str(guild.id)
            payload["guild_locale"] = guild.preferred_locale
            payload["guild"] = {"id": str(guild.id), "locale": guild.preferred_locale, "features": guild.features}
            payload["member"] = member_json(guild.members[user.id]) | rights
        world.emit("INTERACTION_CREATE", payload, guild=guild)
        return interaction

    def respond(
        self, interaction_id: int, token: str, callback: Callback, data: JsonObject, files: list[Attachment]
    ) -> Interaction:
        """The bot's first answer.

        Raises:
            ApiError: 10062 (unknown, or later than three seconds), 40060 (answered already).
        """
        interaction = self._by_token.get(token)
        if interaction is None or interaction.id != interaction_id:
            raise ApiError(10062)
        if interaction.callback is not None:
            raise ApiError(40060)
        if self._world.clock.now() - interaction.created_at > FIRST_ANSWER_S:
            raise ApiError(10062)
        if callback in {Callback.MESSAGE, Callback.DEFERRED_MESSAGE}:
            loading = callback is Callback.DEFERRED_MESSAGE
            interaction.original = self._post(interaction, data, files, is_loading=loading)
        elif interaction.source is not None:
            interaction.original = interaction.source
            if callback is Callback.UPDATE:
                edit_message(self._world, interaction.source, data, files)
        interaction.choices = data.get("choices")
        interaction.modal = data if callback is Callback.MODAL else None
        interaction.callback = callback
        self._world.ledger.changed()
        return interaction

    def follow_up(self, token: str, data: JsonObject, files: list[Attachment]) -> Message:
        """A further message; the first one after a deferral takes the deferral's place."""
        interaction = self.find(token)
        waiting = interaction.original
        if waiting is not None and waiting.flags & MessageFlag.LOADING:
            edit_message(self._world, waiting, data, files)
            return waiting
        interaction.follow_ups.append(self._post(interaction, data, files))
        return interaction.follow_ups[-1]

    def find(self, token: str) -> Interaction:
        """The interaction of a token that still works.

        Raises:
            ApiError: 10015 (no such token, or no first answer yet), 50027 (older than 15 minutes).
        """
        interaction = self._by_token.get(token)
        if interaction is None or interaction.callback is None:
            raise ApiError(10015)
        if self._world.clock.now() - interaction.created_at > TOKEN_LIFE_S:
            raise ApiError(50027)
        return interaction

    def message(self, token: str, message_id: int | None) -> Message:
        """A message of the interaction; None stands for the first.

        Raises:
            ApiError: 10008 if there is none.
        """
        interaction = self.find(token)
        known = [interaction.original, *interaction.follow_ups]
        wanted = known[0] if message_id is None else next((one for one in known if one and one.id == message_id), None)
        if wanted is None or wanted.id not in wanted.channel.messages:
            raise ApiError(10008)
        return wanted

    def _post(
        self, interaction: Interaction, data: JsonObject, files: list[Attachment], *, is_loading: bool = False
    ) -> Message:
        check_message(data, interaction.channel.guild, self._world.harmful_links)
        is_private = MessageFlag(data.get("flags") or 0) & MessageFlag.EPHEMERAL
        origin = Origin(
            type=_message_type(interaction),
            webhook_id=self._world.application.id,
            interaction={
                "id": str(interaction.id),
                "type": int(interaction.type),
                "user": user_json(interaction.user),
                "authorizing_integration_owners": {},
            },
            visible_to=interaction.user.id if is_private else None,
            is_loading=is_loading,
        )
        return create_message(self._world, interaction.channel, self._world.bot, data, files, origin=origin)


def _message_type(interaction: Interaction) -> MessageType | None:
    """Of an answer to a slash command, or to a command from the menu of a message or user."""
    if interaction.type is not InteractionType.COMMAND:
        return None
    is_slash = interaction.data["type"] == _CHAT_INPUT
    return MessageType.CHAT_INPUT_COMMAND if is_slash else MessageType.CONTEXT_MENU_COMMAND
