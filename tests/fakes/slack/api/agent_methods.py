"""assistant.threads.* and agents.sessions.*: status lines, suggested prompts, titles, and the state of a session."""

from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.ledger import Prompts, Status
from tests.fakes.slack.world.models import Channel, JsonObject

from .calls import Call, Method

STATES = ("active", "processing", "suspended", "closed")
MAX_PROMPTS = 4
MAX_LOADING_MESSAGES = 10
MAX_TITLE = 200


def set_status(call: Call) -> JsonObject:
    """assistant.threads.setStatus."""
    channel, thread_ts = _thread(call)
    loading = call.args.get("loading_messages") or []
    if len(loading) > MAX_LOADING_MESSAGES:
        raise ApiError("invalid_arguments", messages=[f"no more than {MAX_LOADING_MESSAGES} loading_messages"])
    text = str(call.args.get("status") or "")
    found = Status(call.world.clock.now(), channel.id, thread_ts, text, tuple(loading))
    call.world.ledger.statuses.append(found)
    return {}


def set_suggested_prompts(call: Call) -> JsonObject:
    """assistant.threads.setSuggestedPrompts; with a thread_ts from an agent app it does nothing and says nothing."""
    if not call.world.app.agent:
        raise ApiError("not_agent_app")
    channel = call.world.channel(call.need("channel_id"), call.bot)
    prompts = call.args.get("prompts") or []
    if len(prompts) > MAX_PROMPTS or not all({"title", "message"} <= set(one) for one in prompts):
        raise ApiError("invalid_arguments", messages=[f"up to {MAX_PROMPTS} prompts with title and message"])
    thread_ts = str(call.args.get("thread_ts") or "")
    if call.world.app.agent == "assistant":
        if thread_ts not in channel.messages:
            raise ApiError("invalid_thread_ts")
    elif thread_ts:
        return {}
    shown = tuple((one["title"], one["message"]) for one in prompts)
    call.world.ledger.prompts.append(Prompts(channel.id, thread_ts, shown, str(call.args.get("title") or "")))
    return {}


def set_title(call: Call) -> JsonObject:
    """assistant.threads.setTitle."""
    channel, thread_ts = _thread(call)
    call.world.ledger.titles[channel.id, thread_ts] = call.need("title")
    return {}


def set_session_status(call: Call) -> JsonObject:
    """agents.sessions.setStatus."""
    if call.world.app.agent != "agent":
        raise ApiError("feature_disabled")
    channel, thread_ts = _session(call)
    if call.args.get("status") not in STATES:
        raise ApiError("invalid_status")
    if call.args.get("initiator_user_id"):
        call.world.user(call.need("initiator_user_id"))
    call.world.ledger.sessions.setdefault((channel.id, thread_ts), []).append(call.need("status"))
    if call.args.get("title"):
        call.world.ledger.titles[channel.id, thread_ts] = call.need("title")[:MAX_TITLE]
    return {"session": {"channel_id": channel.id, "thread_ts": thread_ts, "status": call.args["status"]}}


def rename_session(call: Call) -> JsonObject:
    """agents.sessions.rename."""
    if call.world.app.agent != "agent":
        raise ApiError("feature_disabled")
    channel, thread_ts = _session(call)
    if (channel.id, thread_ts) not in call.world.ledger.sessions:
        raise ApiError("session_not_found")
    call.world.ledger.titles[channel.id, thread_ts] = call.need("title")[:MAX_TITLE]
    return {}


def _thread(call: Call) -> tuple[Channel, str]:
    channel = call.world.channel(call.need("channel_id"), call.bot)
    thread_ts = call.need("thread_ts")
    if thread_ts not in channel.messages:
        raise ApiError("invalid_thread_ts")
    return channel, thread_ts


def _session(call: Call) -> tuple[Channel, str]:
    channel = call.world.channel(call.need("channel_id"), call.bot)
    if call.bot.id not in channel.members:
        raise ApiError("not_authorized")
    if not call.args.get("thread_ts"):
        raise ApiError("thread_ts_required")
    return channel, call.need("thread_ts")


METHODS = {
    # The older scope is still taken.
    "assistant.threads.setStatus": Method(set_status, ("chat:write", "assistant:write")),
    "assistant.threads.setSuggestedPrompts": Method(set_suggested_prompts, ("assistant:write",)),
    "assistant.threads.setTitle": Method(set_title, ("assistant:write",)),
    "agents.sessions.setStatus": Method(set_session_status, ("chat:write",)),
    "agents.sessions.rename": Method(rename_session, ("chat:write",)),
}
