"""How often each method of the Web API may be called, by workspace, as Slack's tiers say.

Slack counts per method, app and workspace. It promises at least so many calls per minute (docs.slack.dev, "Rate
limits").
"""

from glados_bots.surface import Budget

_TIER_2, _TIER_3, _TIER_4 = 20, 50, 100  # calls per minute
_SPECIAL = 300  # "hundreds" per minute
_LIMITS = {
    "chat.startStream": _TIER_2,
    "chat.stopStream": _TIER_2,
    "chat.appendStream": _TIER_4,
    "chat.postEphemeral": _TIER_4,
    "files.completeUploadExternal": _TIER_4,
    "files.getUploadURLExternal": _TIER_4,
    "files.info": _TIER_4,
    "assistant.threads.setStatus": _SPECIAL,
    "chat.postMessage": _SPECIAL,
}
MINUTE_S = 60.0


def budget(team: str, method: str) -> Budget:
    """The budget of one method in one workspace; methods that are not listed are of tier 3.

    One call fewer than Slack allows, so that no line forms at the gate behind it.
    """
    return Budget(f"{team}:{method}", _LIMITS.get(method, _TIER_3) - 1, MINUTE_S)


def counted_by(team: str, method: str, channel: str) -> list[tuple[Budget, int]]:
    """By what Slack counts a call, and how many of them it allows there."""
    narrow = [new_messages(team, channel)] if method == "chat.postMessage" and channel else []
    wide = budget(team, method)
    return [*((one, one.limit) for one in narrow), (wide, wide.limit + 1)]


def new_sessions(team: str) -> Budget:
    """Sessions begun: fewer than half of the calls, as each of them must be ended too."""
    method = "agents.sessions.setStatus"
    return Budget(f"{team}:{method}:begin", _TIER_3 // 2 - 1, MINUTE_S, within=budget(team, method))


def new_streams(team: str) -> Budget:
    """Streams begun: fewer than may be stopped, as each must be, and some twice when a process dies at it.

    An answer without a stream is a message that grows; one whose stream cannot be stopped waits a minute for its end.
    """
    return Budget(f"{team}:chat.startStream", _TIER_2 * 3 // 4, MINUTE_S)


def new_messages(team: str, channel: str) -> Budget:
    """New messages of one channel: about one per second with a short burst, and those of all channels together."""
    return Budget(f"{team}:chat.postMessage:{channel}", 5, 5.0, within=budget(team, "chat.postMessage"))


def looking_back(team: str, method: str) -> Budget:
    """Reading what was missed in a gap: it leaves some calls to answers."""
    return Budget(f"{team}:{method}:catch-up", _TIER_3 * 3 // 5, MINUTE_S, within=budget(team, method))
