"""views.*: modals and the App Home."""

from tests.fakes.slack.delivery.interactions import Interactions
from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.models import JsonObject, View
from tests.fakes.slack.world.payloads import view_json
from tests.fakes.slack.world.views import change_view, check_view, open_view

from .calls import Call, Method


class ViewMethods:
    """Methods that open, change and publish views."""

    def __init__(self, interactions: Interactions) -> None:
        self._interactions = interactions

    @property
    def methods(self) -> dict[str, Method]:
        """By name; none of them needs a scope."""
        return {
            "views.open": Method(self._open),
            "views.push": Method(self._push),
            "views.update": Method(update),
            "views.publish": Method(publish),
        }

    def _open(self, call: Call) -> JsonObject:
        payload = check_view(call.args.get("view"), "modal")
        interaction = self._interactions.take_trigger(call.need("trigger_id"))
        interaction.view = open_view(call.world, interaction.user, payload)
        return _told(call, interaction.view)

    def _push(self, call: Call) -> JsonObject:
        payload = check_view(call.args.get("view"), "modal")
        interaction = self._interactions.take_trigger(call.need("trigger_id"))
        theirs = [one for one in call.world.views.values() if one.user is interaction.user and one.is_open]
        modals = [one for one in theirs if one.payload["type"] == "modal"]
        if not modals:
            raise ApiError("not_found")
        interaction.view = open_view(call.world, interaction.user, payload, modals[-1])
        return _told(call, interaction.view)


def update(call: Call) -> JsonObject:
    """views.update."""
    payload = check_view(call.args.get("view"), "modal")
    wanted, external = call.args.get("view_id"), call.args.get("external_id")
    found = [one for one in call.world.views.values() if one.id == wanted or (external and one.external_id == external)]
    if not found:
        raise ApiError("not_found")
    return _told(call, change_view(call.world, found[-1], payload, str(call.args.get("hash") or "")))


def publish(call: Call) -> JsonObject:
    """views.publish."""
    world = call.world
    if not world.app.home_tab:
        raise ApiError("not_enabled")
    user = world.user(call.need("user_id"))
    payload = check_view(call.args.get("view"), "home")
    homes = (one for one in world.views.values() if one.user is user and one.payload["type"] == "home")
    home = next(homes, None)
    if home is None:
        home = open_view(world, user, payload)
    else:
        change_view(world, home, payload, str(call.args.get("hash") or ""))
    return _told(call, home)


def _told(call: Call, view: View) -> JsonObject:
    return {"view": view_json(view, call.world.app.id, call.bot.bot_id)}
