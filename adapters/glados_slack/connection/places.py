"""Where things are on Slack: what an event says of its message, and what an answer needs to find the spot again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

from slack_bolt.context.async_context import AsyncBoltContext

from glados_slack.connection.installs import Install

_KINDS = {"C": "channel", "G": "group", "D": "im"}


def message_id(channel: str, ts: str) -> str:
    """A message's name: timestamps are unique within their channel, and channels wherever they are shared."""
    return f"{channel}:{ts}"


def conversation_of(channel: str, thread: str) -> str:
    """A thread's name: that of the message it hangs on."""
    return message_id(channel, thread)


def kind_of(channel: str) -> str:
    """What kind of conversation an id stands for, where nothing else says it; a name may be anybody's choice."""
    return _KINDS.get(channel[:1], "channel")


def seconds(ts: str) -> float:
    """A timestamp of Slack, exact to a microsecond; not a number (so neither young nor later) where it is none."""
    try:
        return float(ts)
    except ValueError:
        return float("nan")


@dataclass(frozen=True, slots=True)
class Event:
    """An event about a message; `glados_slack/words/said.py` reads its words."""

    body: Mapping[str, Any] = field(repr=False)  # the whole callback
    data: Mapping[str, Any] = field(repr=False)  # the inner event
    type: str  # `message` or `app_mention`
    subtype: str
    channel: str
    kind: str  # `im`, `mpim`, `channel` or `group`
    ts: str  # the message's timestamp, its id within the channel
    thread: str  # timestamp of the message that its thread hangs on: its own where it begins one
    user: str
    user_team: str  # the workspace of the author, where Slack says it

    @classmethod
    def of(cls, body: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> Self:
        """Read a callback, or another message as if it had come with that callback."""
        found = body["event"] if data is None else data
        channel, ts = str(found.get("channel") or ""), str(found.get("ts") or "")
        return cls(
            body=body,
            data=found,
            type=str(found.get("type") or ""),
            subtype=str(found.get("subtype") or ""),
            channel=channel,
            kind=str(found.get("channel_type") or kind_of(channel)),
            ts=ts,
            thread=str(found.get("thread_ts") or ts),
            user=str(found.get("user") or ""),
            user_team=str(found.get("user_team") or found.get("source_team") or found.get("team") or ""),
        )

    def message(self, name: str) -> "Event":
        """The message that a change is about: `message` as it is now, `previous_message` as it was."""
        found = self.data.get(name)
        told = found if isinstance(found, Mapping) else {}
        return type(self).of(self.body, {**told, "channel": self.channel, "channel_type": self.kind})

    @property
    def told_at(self) -> str:
        """When what it tells of happened."""
        return max(self.ts, str(self.data.get("event_ts") or ""))

    @property
    def edited(self) -> str:
        """When its author last edited it; empty when they never did. Previews and pins are no edits."""
        return str((self.data.get("edited") or {}).get("ts") or "")

    @property
    def is_from_bot(self) -> bool:
        return bool(self.data.get("bot_id") or self.data.get("bot_profile") or self.subtype == "bot_message")

    @property
    def is_external(self) -> bool:
        """Whether its author belongs to another organisation than the one we were told for."""
        if not self.body.get("is_ext_shared_channel") or not self.user_team:
            return False
        home = {self.body.get("team_id"), self.body.get("enterprise_id"), self.body.get("context_team_id")}
        home |= {one.get("team_id") for one in self.body.get("authorizations") or []}
        home |= {one.get("enterprise_id") for one in self.body.get("authorizations") or []}
        return self.user_team not in home

    @property
    def names(self) -> list[str]:
        """Further names of the event: Slack's own, and that of a message which a client sent twice."""
        event_id, client_id = self.body.get("event_id"), self.data.get("client_msg_id")
        return [*([f"event:{event_id}"] if event_id else []), *([f"client:{client_id}"] if client_id else [])]


def place_of(event: Event, install: Install) -> dict[str, str]:
    return place(
        install, event.body, channel=event.channel, kind=event.kind, ts=event.ts, thread=event.thread,
        user_team=event.user_team,
    )  # fmt: skip


def place(
    install: Install, body: Mapping[str, Any], *, channel: str, kind: str, ts: str, thread: str, user_team: str = ""
) -> dict[str, str]:
    team = install.team or str(body.get("team_id") or (body.get("team") or {}).get("id") or "")
    return {
        "team": team,
        "enterprise": install.enterprise,
        "channel": channel,
        "kind": kind,
        "ts": ts,
        "thread": thread,
        "user_team": user_team or team,
    }


def thread_of(event: Event) -> str:
    """The thread that a message, or the change of one, belongs to."""
    changed = event.data.get("message") or event.data.get("previous_message") or {}
    return str(changed.get("thread_ts") or changed.get("ts") or event.thread)


def install_of(context: AsyncBoltContext) -> Install:
    return cast("Install", context["install"])


def place_of_click(body: Mapping[str, Any], context: AsyncBoltContext) -> dict[str, str]:
    """The place of an interaction; without a channel in the App Home."""
    channel = body.get("channel") or {}
    message = body.get("message") or {}
    name = str(channel.get("id") or "")
    return place(
        install_of(context), body, channel=name, kind=kind_of(name),
        ts=str(message.get("ts") or ""), thread=clicked_thread(body), user_team=str(body["user"].get("team_id") or ""),
    )  # fmt: skip


def place_of_command(command: Mapping[str, Any], context: AsyncBoltContext) -> dict[str, str]:
    """The place of a slash command; Slack does not tell it of threads."""
    channel = str(command["channel_id"])
    return place(
        install_of(context), command, channel=channel, kind=kind_of(channel), ts="",
        thread="", user_team=str(command.get("team_id") or ""),
    )  # fmt: skip


def clicked_thread(payload: Mapping[str, Any]) -> str:
    message, container = payload.get("message") or {}, payload.get("container") or {}
    return str(message.get("thread_ts") or container.get("thread_ts") or message.get("ts") or "")
