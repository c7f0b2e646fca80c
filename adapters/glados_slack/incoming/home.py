"""The App Home: how the bot is, the person's conversations, and what they can do with what is kept of them."""

from collections.abc import Mapping
from typing import Any

from glados_slack.answers.answer import chunk_of
from glados_slack.answers.block_kit import Block, actions, button, header, literal, plain
from glados_slack.app_config import PROMPTS
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls
from glados_slack.incoming.shared import SlackShared

EXPORT, FORGET, REFRESH = "glados_export", "glados_forget", "glados_refresh"
SHOWN = 8
MAX_TITLE = 80
METHOD = "assistant.threads.setSuggestedPrompts"


class Home:
    """Publishes the home of each person who opens it."""

    def __init__(self, shared: SlackShared) -> None:
        self._core = shared.core
        self._calls = shared.calls

    async def publish(self, place: Mapping[str, str], user: str) -> None:
        view = {"type": "home", "blocks": await self._blocks(place, user)}
        await self._calls.wait(budget(place["team"], "views.publish"), user)
        await self._calls.quietly(place, "views.publish", user_id=user, view=view)

    async def _blocks(self, place: Mapping[str, str], user: str) -> list[Block]:
        status = await self._core.commands.status()
        privacy = self._core.commands.privacy()
        return [
            header("GLaDOS"),
            *chunk_of(status).blocks,
            actions(button(REFRESH, "Refresh", REFRESH)),
            {"type": "divider"},
            header("Your conversations"),
            *await self._conversations(place, user),
            {"type": "divider"},
            header("Your data"),
            *chunk_of(privacy).blocks,
            actions(button(EXPORT, "Export", EXPORT), forget_button()),
        ]

    async def _conversations(self, place: Mapping[str, str], user: str) -> list[Block]:
        found = sorted(await self._core.records.conversations_of(user), key=_age)[:SHOWN]
        blocks = [await self._conversation(place, name, user) for name in found]
        return blocks or list(chunk_of("None yet. Mention me in a channel, or write to me in *Messages*.").blocks)

    async def _conversation(self, place: Mapping[str, str], name: str, user: str) -> Block:
        channel, _, thread = name.partition(":")
        history = [one for one in await self._core.store.history(name) if one.author == user]
        title = " ".join(history[0].question.split())[:MAX_TITLE] if history else "A question that is being answered"
        link = await self._link(place, channel, thread)
        shown: Block = {"type": "link", "url": link, "text": title} if link else literal(title)
        return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [shown]}]}

    async def _link(self, place: Mapping[str, str], channel: str, thread: str) -> str:
        if not await self._calls.may(budget(place["team"], "chat.getPermalink"), channel):
            return ""
        found = await self._calls.quietly(place, "chat.getPermalink", channel=channel, message_ts=thread)
        return str(found["permalink"]) if found else ""


def forget_button() -> Block:
    """Deletes everything, after a second look."""
    confirm = {
        "title": plain("Forget everything?"),
        "text": plain("Your questions and my answers to them are deleted for good. Messages in channels stay."),
        "confirm": plain("Forget"),
        "deny": plain("Keep"),
        "style": "danger",
    }
    return {**button(FORGET, "Forget me", FORGET), "style": "danger", "confirm": confirm}


def forget_question() -> dict[str, Any]:
    chunk = chunk_of("This deletes everything I keep of you: your questions with my answers, and your votes.")
    return {"text": chunk.text, "blocks": [*chunk.blocks, actions(forget_button())]}


def _age(conversation: str) -> float:
    """For sorting: the newest thread first."""
    return -float(conversation.partition(":")[2] or 0)


async def suggest(calls: Calls, place: Mapping[str, str]) -> None:
    """Offer prompts: in an agent's messages tab (no thread), or in a new thread of the assistant's view."""
    prompts = [{"title": title, "message": message} for title, message in PROMPTS]
    if await calls.may(budget(place["team"], METHOD), place["channel"]):
        await calls.quietly(
            place, METHOD, channel_id=place["channel"], thread_ts=place["thread"] or None, prompts=prompts,
            title="What shall it be?",
        )  # fmt: skip
