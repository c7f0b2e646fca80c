"""The app's entry in Slack's settings, its installations, and the tokens it was given."""

import secrets
from dataclasses import dataclass, field

from .clock import Clock
from .errors import ApiError
from .models import JsonObject, Team, User

TOKEN_LIFE_S = 12 * 3600.0
CODE_LIFE_S = 600.0

SCOPES = frozenset(
    "app_mentions:read assistant:write channels:history channels:read chat:write commands files:read files:write "
    "groups:history groups:read im:history im:read im:write mpim:history mpim:read reactions:read reactions:write "
    "pins:read users:read team:read".split()
)
# Events the app is subscribed to; those of the last two lines depend on what kind of agent it is as well.
EVENTS = frozenset(
    "app_mention message.channels message.groups message.im message.mpim app_home_opened app_uninstalled "
    "tokens_revoked reaction_added reaction_removed pin_added pin_removed member_joined_channel channel_archive "
    "assistant_thread_started assistant_thread_context_changed "
    "app_context_changed agent_session_stopped agent_session_title_changed".split()
)


@dataclass
class App:
    """What an app's developer has set.

    Attributes:
        agent: 'agent' (agent_view), 'assistant' (assistant_view, deprecated) or '' for neither.
        commands: Its slash commands, such as '/glados'; None allows any.
        shortcuts: Callback ids of its message shortcuts; None allows any.
        rotates_tokens: Bot tokens end after 12 hours and are refreshed.
        is_restricted: A commercial app outside the Marketplace: see `FakeSlack.restrict_history`.
    """

    id: str
    client_id: str
    client_secret: str
    signing_secret: str
    verification_token: str = "verification"
    name: str = "GLaDOS"
    scopes: set[str] = field(default_factory=lambda: set(SCOPES))
    events: set[str] = field(default_factory=lambda: set(EVENTS))
    agent: str = "agent"
    home_tab: bool = True
    messages_tab: bool = True
    commands: set[str] | None = None
    shortcuts: set[str] | None = None
    socket_mode: bool = True
    rotates_tokens: bool = False
    is_restricted: bool = False

    def apply_manifest(self, manifest: JsonObject) -> None:
        """Take over an app manifest (its YAML, parsed), so that only what it asks for works.

        Raises:
            KeyError: A part that Slack requires is missing.
        """
        features, settings = manifest["features"], manifest["settings"]
        self.name = features["bot_user"]["display_name"]
        self.scopes = set(manifest["oauth_config"]["scopes"]["bot"])
        self.events = set(settings["event_subscriptions"]["bot_events"])
        self.commands = {one["command"] for one in features.get("slash_commands", [])}
        self.shortcuts = {one["callback_id"] for one in features.get("shortcuts", []) if one["type"] == "message"}
        self.agent = next((kind for kind in ("agent", "assistant") if f"{kind}_view" in features), "")
        self.home_tab = bool(features.get("app_home", {}).get("home_tab_enabled"))
        self.messages_tab = bool(features.get("app_home", {}).get("messages_tab_enabled"))
        self.socket_mode = bool(settings.get("socket_mode_enabled"))
        self.rotates_tokens = bool(settings.get("token_rotation_enabled"))


@dataclass(eq=False)
class Installation:
    """The app in a workspace, or in a whole organisation (`enterprise_id`)."""

    team: Team
    bot: User
    scopes: set[str]
    enterprise_id: str | None = None
    is_live: bool = True

    def covers(self, team: Team) -> bool:
        """Whether it speaks for this workspace."""
        return team is self.team or (self.enterprise_id is not None and team.enterprise_id == self.enterprise_id)


@dataclass(eq=False)
class Token:
    """A token. `kind` is bot or app; `installation` is None for app-level tokens."""

    text: str
    kind: str
    installation: Installation | None = None
    expires_at: float | None = None
    is_revoked: bool = False
    is_exchanged: bool = False


@dataclass
class _Grant:
    installation: Installation
    redirect_uri: str
    expires_at: float


class Tokens:
    """All tokens, authorisation codes and refresh tokens of the app.

    Attributes:
        refreshes: How many refresh tokens were used.
    """

    def __init__(self, clock: Clock, app: App) -> None:
        self._clock = clock
        self._app = app
        self._tokens: dict[str, Token] = {}
        self._codes: dict[str, _Grant] = {}
        self._refresh: dict[str, Installation] = {}
        self.refreshes = 0
        self._tooling: set[str] = set()

    def add(self, token: Token) -> Token:
        """Let a token work."""
        self._tokens[token.text] = token
        return token

    def check(self, text: str, kind: str) -> Token:
        """The token, if it works for this kind of method.

        Raises:
            ApiError: not_authed, invalid_auth, token_revoked, account_inactive, token_expired, not_allowed_token_type.
        """
        if not text:
            raise ApiError("not_authed")
        token = self._tokens.get(text)
        if token is None:
            raise ApiError("invalid_auth")
        if token.installation is not None and not token.installation.is_live:
            raise ApiError("account_inactive")
        if token.is_revoked:
            raise ApiError("token_revoked")
        if token.expires_at is not None and self._clock.now() >= token.expires_at:
            raise ApiError("token_expired")
        if token.kind != kind:
            raise ApiError("not_allowed_token_type")
        return token

    def revoke(self, text: str) -> None:
        """Make a token answer token_revoked."""
        self._tokens[text].is_revoked = True

    def issue(self, installation: Installation) -> JsonObject:
        """A new bot token: the part of an OAuth answer that holds it."""
        rotates = self._app.rotates_tokens
        text = f"{'xoxe.' if rotates else ''}xoxb-{installation.team.id}-{secrets.token_hex(12)}"
        expires_at = self._clock.now() + TOKEN_LIFE_S if rotates else None
        self.add(Token(text, "bot", installation, expires_at))
        if not rotates:
            return {"access_token": text, "token_type": "bot"}
        refresh = f"xoxe-1-{secrets.token_hex(24)}"
        self._refresh[refresh] = installation
        return {"access_token": text, "token_type": "bot", "refresh_token": refresh, "expires_in": int(TOKEN_LIFE_S)}

    def grant(self, installation: Installation, redirect_uri: str) -> str:
        """The code that a person's browser brings after allowing the app."""
        code = secrets.token_hex(20)
        self._codes[code] = _Grant(installation, redirect_uri, self._clock.now() + CODE_LIFE_S)
        return code

    def redeem(self, code: str, redirect_uri: str) -> Installation:
        """The installation of a code, which works once and for ten minutes.

        Raises:
            ApiError: invalid_code, bad_redirect_uri.
        """
        grant = self._codes.pop(code, None)
        if grant is None or self._clock.now() > grant.expires_at:
            raise ApiError("invalid_code")
        if redirect_uri != grant.redirect_uri:
            raise ApiError("bad_redirect_uri")
        return grant.installation

    def refresh(self, refresh_token: str) -> Installation:
        """The installation of a refresh token, which works once.

        Raises:
            ApiError: invalid_refresh_token.
        """
        installation = self._refresh.pop(refresh_token, None)
        if installation is None or not installation.is_live:
            raise ApiError("invalid_refresh_token")
        self.refreshes += 1
        return installation

    def exchange(self, text: str) -> Installation:
        """The installation of a token without end, which is to be replaced by one that rotates.

        Raises:
            ApiError: token_rotation_not_enabled, invalid_token, token_already_exchanged.
        """
        if not self._app.rotates_tokens:
            raise ApiError("token_rotation_not_enabled")
        token = self._tokens.get(text)
        if token is None or token.installation is None or token.expires_at is not None:
            raise ApiError("invalid_token")
        if token.is_exchanged:
            raise ApiError("token_already_exchanged")
        token.is_exchanged = True
        return token.installation

    def add_tooling(self) -> str:
        """A first refresh token for the app's configuration."""
        refresh = f"xoxe-1-{secrets.token_hex(24)}"
        self._tooling.add(refresh)
        return refresh

    def rotate_tooling(self, refresh_token: str) -> JsonObject:
        """A new pair of configuration tokens.

        Raises:
            ApiError: invalid_refresh_token.
        """
        if refresh_token not in self._tooling:
            raise ApiError("invalid_refresh_token")
        self._tooling.remove(refresh_token)
        now = int(self._clock.now())
        token = f"xoxe.xoxp-1-{secrets.token_hex(24)}"
        return {"token": token, "refresh_token": self.add_tooling(), "iat": now, "exp": now + int(TOKEN_LIFE_S)}
