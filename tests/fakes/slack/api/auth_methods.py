"""auth.*, apps.*, oauth.*, tooling.*: tokens and connections."""

from tests.fakes.slack.delivery.sockets import Sockets
from tests.fakes.slack.world.apps import Installation, Tokens
from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.models import JsonObject

from .calls import Call, Method


class AuthMethods:
    """Methods that need more than the world."""

    def __init__(self, tokens: Tokens, sockets: Sockets) -> None:
        self._tokens = tokens
        self._sockets = sockets

    @property
    def methods(self) -> dict[str, Method]:
        """By name."""
        return {
            "api.test": Method(lambda call: {"args": call.args}, token=""),
            "auth.test": Method(auth_test),
            "auth.revoke": Method(self._revoke),
            "apps.uninstall": Method(self._uninstall),
            "apps.connections.open": Method(self._open, token="app"),
            "oauth.v2.access": Method(self._access, token=""),
            "oauth.v2.exchange": Method(self._exchange, token=""),
            "tooling.tokens.rotate": Method(self._rotate_tooling, token=""),
            "team.info": Method(team_info, ("team:read",)),
            "bots.info": Method(bots_info, ("users:read",)),
        }

    def _open(self, _: Call) -> JsonObject:
        if not self._sockets.is_enabled:
            raise ApiError("forbidden_team")
        return {"url": self._sockets.new_url()}

    def _revoke(self, call: Call) -> JsonObject:
        if call.token is not None and not call.flag("test"):
            self._tokens.revoke(call.token.text)
        return {"revoked": not call.flag("test")}

    def _uninstall(self, call: Call) -> JsonObject:
        self._check_client(call)
        call.installation.is_live = False
        return {}

    def _access(self, call: Call) -> JsonObject:
        self._check_client(call)
        if call.args.get("grant_type") == "refresh_token":
            installation = self._tokens.refresh(str(call.args.get("refresh_token", "")))
        elif call.args.get("grant_type") not in {None, "authorization_code"}:
            raise ApiError("invalid_grant_type")
        else:
            code, redirect_uri = str(call.args.get("code", "")), str(call.args.get("redirect_uri", ""))
            installation = self._tokens.redeem(code, redirect_uri)
        return self._granted(call, installation)

    def _exchange(self, call: Call) -> JsonObject:
        self._check_client(call)
        return self._granted(call, self._tokens.exchange(call.need("token")))

    def _rotate_tooling(self, call: Call) -> JsonObject:
        return self._tokens.rotate_tooling(call.need("refresh_token"))

    def _granted(self, call: Call, installation: Installation) -> JsonObject:
        enterprise = installation.enterprise_id
        is_org = enterprise is not None
        return self._tokens.issue(installation) | {
            "scope": ",".join(sorted(installation.scopes)),
            "bot_user_id": installation.bot.id,
            "app_id": call.world.app.id,
            "team": None if is_org else {"id": installation.team.id, "name": installation.team.name},
            "enterprise": {"id": enterprise, "name": "Organisation"} if is_org else None,
            "is_enterprise_install": is_org,
            "authed_user": {"id": next((user.id for user in call.world.users.values() if not user.is_bot), "U0")},
        }

    def _check_client(self, call: Call) -> None:
        client_id = call.args.get("client_id") or call.basic[0]
        secret = call.args.get("client_secret") or call.basic[1]
        if client_id != call.world.app.client_id:
            raise ApiError("invalid_client_id")
        if secret != call.world.app.client_secret:
            raise ApiError("bad_client_secret")


def auth_test(call: Call) -> JsonObject:
    """auth.test."""
    installation = call.installation
    return {
        "url": f"https://{installation.team.domain}.slack.com/",
        "team": installation.team.name,
        "user": installation.bot.name,
        "team_id": installation.team.id,
        "user_id": installation.bot.id,
        "bot_id": installation.bot.bot_id,
        "is_enterprise_install": installation.enterprise_id is not None,
        **({"enterprise_id": installation.team.enterprise_id} if installation.team.enterprise_id else {}),
    }


def team_info(call: Call) -> JsonObject:
    """team.info, of the own workspace or one that shares a channel."""
    team_id = str(call.args.get("team") or call.installation.team.id)
    team = call.world.teams.get(team_id)
    if team is None:
        raise ApiError("team_not_found")
    return {"team": {"id": team.id, "name": team.name, "domain": team.domain}}


def bots_info(call: Call) -> JsonObject:
    """bots.info."""
    wanted = call.args.get("bot")
    bot = next((user for user in call.world.users.values() if user.bot_id and user.bot_id == wanted), None)
    if bot is None:
        raise ApiError("bot_not_found")
    return {"bot": {"id": bot.bot_id, "name": bot.name, "app_id": bot.app_id, "user_id": bot.id, "deleted": False}}
