"""One call of a Web API method: its arguments, and who makes it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.slack.world.apps import Installation, Token
from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.models import Channel, JsonObject, User
from tests.fakes.slack.world.state import World

# Arguments that travel as JSON inside a form.
_STRUCTURED = {"blocks", "attachments", "metadata", "view", "chunks", "prompts", "loading_messages", "files"}


@dataclass(frozen=True)
class Call:
    """A call that may go on.

    Attributes:
        args: Arguments without the token; structured ones parsed.
        token: The token; methods of the OAuth flow have none.
        basic: Client id and secret of a Basic authorisation.
    """

    world: World
    method: str
    args: JsonObject
    token: Token | None = None
    basic: tuple[str, str] = ("", "")

    @property
    def installation(self) -> Installation:
        """The installation whose token it is."""
        if self.token is None or self.token.installation is None:
            raise ApiError("not_allowed_token_type")
        return self.token.installation

    @property
    def bot(self) -> User:
        """The bot that calls."""
        return self.installation.bot

    def need(self, name: str) -> str:
        """A text argument that must be there.

        Raises:
            ApiError: invalid_arguments.
        """
        value = self.args.get(name)
        if value in {None, ""} or isinstance(value, dict | list):
            raise ApiError("invalid_arguments", messages=[f"missing required field: {name}"])
        return str(value)

    def flag(self, name: str) -> bool:
        """A switch; forms send it as text."""
        return self.args.get(name) in {True, "true", "1"}

    def switch(self, name: str) -> bool | None:
        """A switch that may be left out."""
        return None if name not in self.args else self.flag(name)

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        return int(self.args.get(name) or default)

    def channel(self, name: str = "channel") -> Channel:
        """The channel of an argument, which may be a user's id for direct messages.

        Raises:
            ApiError: channel_not_found, messages_tab_disabled.
        """
        value = self.need(name)
        if value in self.world.users:
            user = self.world.users[value]
            if user.is_bot:
                raise ApiError("cannot_dm_bot")
            return self.world.direct(user, self.bot)
        return self.world.channel(value, self.bot)


Handler = Callable[[Call], JsonObject]


@dataclass(frozen=True)
class Method:
    """A method: what does it, the scopes of which it needs one, and the kind of token ('' for none)."""

    handle: Handler
    scopes: tuple[str, ...] = ()
    token: str = "bot"


def parse_args(pairs: dict[str, Any]) -> JsonObject:
    """Arguments of a form or a query, with those that travel as JSON parsed where they are."""
    args: JsonObject = {}
    for name, value in pairs.items():
        args[name] = value
        if name in _STRUCTURED and isinstance(value, str):
            try:
                args[name] = json.loads(value)
            except ValueError:
                continue
    return args
