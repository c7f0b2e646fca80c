"""Where something was pressed: under a message, in its menu, or in the App Home."""

from collections.abc import Mapping
from typing import Any, cast

from slack_bolt.context.async_context import AsyncBoltContext

from glados_slack.connection.installs import Install
from glados_slack.connection.places import kind_of, place


def install_of(context: AsyncBoltContext) -> Install:
    """The installation bolt has found for a request."""
    return cast("Install", context["install"])


def place_of_click(body: Mapping[str, Any], context: AsyncBoltContext) -> dict[str, str]:
    """The place of an interaction; without a channel in the App Home."""
    channel = body.get("channel") or {}
    message = body.get("message") or {}
    name = str(channel.get("id") or "")
    return place(
        install_of(context), body, channel=name, kind=kind_of(name),
        ts=str(message.get("ts") or ""), thread=thread_of(body), user_team=str(body["user"].get("team_id") or ""),
    )  # fmt: skip


def place_of_command(command: Mapping[str, Any], context: AsyncBoltContext) -> dict[str, str]:
    """The place of a slash command; Slack does not tell it of threads."""
    channel = str(command["channel_id"])
    return place(
        install_of(context), command, channel=channel, kind=kind_of(channel), ts="",
        thread="", user_team=str(command.get("team_id") or ""),
    )  # fmt: skip


def thread_of(payload: Mapping[str, Any]) -> str:
    """The thread of the message that an interaction is about."""
    message, container = payload.get("message") or {}, payload.get("container") or {}
    return str(message.get("thread_ts") or container.get("thread_ts") or message.get("ts") or "")
