"""Short sentences of the bot that are no answers: refusals, help, what stands in the way. Each is said once."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from glados_bots.store.marks import Marks
from glados_bots.wording.sentence import Sentence
from glados_slack.answers.look import as_message
from glados_slack.connection.budgets import budget, new_messages
from glados_slack.connection.calls import Calls

QUIET_S = 600  # a refusal is not repeated to the same person in the same place before


class SlackNotes:
    """Says things in threads and to single people. What cannot be said is logged."""

    def __init__(
        self, marks: Marks, calls: Calls, language_of: Callable[[Mapping[str, str], str], Awaitable[str]]
    ) -> None:
        self._marks = marks
        self._calls = calls
        self._language_of = language_of

    async def say(self, place: Mapping[str, str], user: str, said: Sentence) -> None:
        """A message in the thread, for everybody there, in the language of the person whom it is about."""
        await self._say(place, await self._as_message(place, user, said))

    async def _say(self, place: Mapping[str, str], message: dict[str, Any]) -> bool:
        await self._calls.wait(new_messages(place["team"], place["channel"]), place["channel"])
        made = await self._calls.quietly(
            place, "chat.postMessage", channel=place["channel"], thread_ts=place.get("thread") or None, **message
        )
        return made is not None

    async def whisper(self, place: Mapping[str, str], user: str, said: Sentence) -> bool:
        """A message in the thread that only one person sees; in direct messages there is nobody else anyway."""
        message = await self._as_message(place, user, said)
        if place.get("kind") == "im":
            return await self._say(place, message)
        await self._calls.wait(budget(place["team"], "chat.postEphemeral"), user)
        made = await self._calls.quietly(
            place, "chat.postEphemeral", channel=place["channel"], user=user, thread_ts=place.get("thread") or None,
            **message,
        )  # fmt: skip
        return made is not None

    async def refuse(self, place: Mapping[str, str], user: str, said: Sentence) -> None:
        """Tell one person why they are not answered, unless they know."""
        if await self._marks.once(f"no:{place['channel']}:{user}", QUIET_S):
            await self.whisper(place, user, said)

    async def direct(self, place: Mapping[str, str], user: str, said: Sentence) -> bool:
        await self._calls.wait(new_messages(place["team"], user), user)
        message = await self._as_message(place, user, said)
        return await self._calls.quietly(place, "chat.postMessage", channel=user, **message) is not None

    async def _as_message(self, place: Mapping[str, str], user: str, said: Sentence) -> dict[str, Any]:
        return as_message(said.in_language(await self._language_of(place, user)))
