"""Short sentences of the bot that are no answers: refusals, help, what stands in the way. Each is said once."""

from collections.abc import Mapping

from glados_bots.store.marks import Marks
from glados_slack.answers.look import as_message
from glados_slack.connection.budgets import budget, new_messages
from glados_slack.connection.calls import Calls

QUIET_S = 600  # a refusal is not repeated to the same person in the same place before


class SlackNotes:
    """Says things in threads and to single people. What cannot be said is logged."""

    def __init__(self, marks: Marks, calls: Calls) -> None:
        self._marks = marks
        self._calls = calls

    async def say(self, place: Mapping[str, str], markdown: str) -> str:
        """A message in the thread, for everybody there; returns its timestamp, or nothing."""
        await self._calls.wait(new_messages(place["team"], place["channel"]), place["channel"])
        made = await self._calls.quietly(
            place, "chat.postMessage", channel=place["channel"], thread_ts=place.get("thread") or None,
            **as_message(markdown),
        )  # fmt: skip
        return str(made["ts"]) if made else ""

    async def whisper(self, place: Mapping[str, str], user: str, markdown: str) -> bool:
        """A message in the thread that only one person sees; in direct messages there is nobody else anyway."""
        if place.get("kind") == "im":
            return bool(await self.say(place, markdown))
        await self._calls.wait(budget(place["team"], "chat.postEphemeral"), user)
        made = await self._calls.quietly(
            place, "chat.postEphemeral", channel=place["channel"], user=user, thread_ts=place.get("thread") or None,
            **as_message(markdown),
        )  # fmt: skip
        return made is not None

    async def refuse(self, place: Mapping[str, str], user: str, markdown: str) -> None:
        """Tell one person why they are not answered, unless they know."""
        if await self._marks.once(f"no:{place['channel']}:{user}", QUIET_S):
            await self.whisper(place, user, markdown)

    async def direct(self, place: Mapping[str, str], user: str, markdown: str) -> bool:
        await self._calls.wait(new_messages(place["team"], user), user)
        made = await self._calls.quietly(place, "chat.postMessage", channel=user, **as_message(markdown))
        return made is not None
