"""What the agent's and the older assistant's view want beside answers: prompts to begin with."""

from collections.abc import Mapping

from glados_slack.app_config import PROMPTS
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls

METHOD = "assistant.threads.setSuggestedPrompts"


async def suggest(calls: Calls, place: Mapping[str, str]) -> None:
    """Offer prompts: in an agent's messages tab (no thread), or in a new thread of the assistant's view."""
    prompts = [{"title": title, "message": message} for title, message in PROMPTS]
    if await calls.may(budget(place["team"], METHOD), place["channel"]):
        await calls.quietly(
            place, METHOD, channel_id=place["channel"], thread_ts=place["thread"] or None, prompts=prompts,
            title="What shall it be?",
        )  # fmt: skip
