"""The App Home: how the bot is, the person's conversations, and what they can do with what is kept of them."""

from collections.abc import Mapping
from typing import Any

from glados_bots.wording.sentence import say
from glados_slack.answers.answer import chunk_of
from glados_slack.answers.block_kit import Block, actions, button, header, literal, plain
from glados_slack.connection.budgets import budget
from glados_slack.incoming.commands import CALLED
from glados_slack.incoming.shared import SlackShared
from glados_slack.titles import title

EXPORT, FORGET, REFRESH = "glados_export", "glados_forget", "glados_refresh"
SHOWN = 8
MAX_TITLE = 80
METHOD = "assistant.threads.setSuggestedPrompts"
PROMPTS = ("prompt-explain", "prompt-write", "prompt-debug", "prompt-help")  # each with what it asks, as NAME-text


class Home:
    """Publishes the home of each person who opens it."""

    def __init__(self, shared: SlackShared) -> None:
        self._core = shared.core
        self._calls = shared.calls
        self._language_of = shared.language_of

    async def publish(self, place: Mapping[str, str], user: str) -> None:
        language = await self._language_of(place, user)
        view = {"type": "home", "blocks": await self._blocks(place, user, language)}
        await self._calls.wait(budget(place["team"], "views.publish"), user)
        await self._calls.quietly(place, "views.publish", user_id=user, view=view)

    async def _blocks(self, place: Mapping[str, str], user: str, language: str) -> list[Block]:
        status = (await self._core.commands.status()).in_language(language)
        privacy = self._core.commands.privacy(CALLED).in_language(language)

        def words(name: str) -> str:
            return say(name).in_language(language)

        return [
            header("GLaDOS"),
            *chunk_of(status).blocks,
            actions(button(REFRESH, words("home-refresh"), REFRESH)),
            {"type": "divider"},
            header(words("home-conversations")),
            *await self._conversations(place, user, language),
            {"type": "divider"},
            header(words("home-data")),
            *chunk_of(privacy).blocks,
            actions(button(EXPORT, words("home-export"), EXPORT), forget_button(language)),
        ]

    async def _conversations(self, place: Mapping[str, str], user: str, language: str) -> list[Block]:
        found = sorted(await self._core.records.conversations_of(user), key=_age)[:SHOWN]
        blocks = [await self._conversation(place, name, user, language) for name in found]
        return blocks or list(chunk_of(say("home-none").in_language(language)).blocks)

    async def _conversation(self, place: Mapping[str, str], name: str, user: str, language: str) -> Block:
        channel, _, thread = name.partition(":")
        history = [one for one in await self._core.store.history(name) if one.author == user]
        called = title(history[0].question, MAX_TITLE) if history else say("home-answering").in_language(language)
        called = called or say("a-question").in_language(language)
        link = await self._link(place, channel, thread)
        shown: Block = {"type": "link", "url": link, "text": called} if link else literal(called)
        return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [shown]}]}

    async def _link(self, place: Mapping[str, str], channel: str, thread: str) -> str:
        if not await self._calls.may(budget(place["team"], "chat.getPermalink"), channel):
            return ""
        found = await self._calls.quietly(place, "chat.getPermalink", channel=channel, message_ts=thread)
        return str(found["permalink"]) if found else ""


def forget_button(language: str) -> Block:
    """Deletes everything, after a second look."""
    texts = {"title": "forget-title", "text": "forget-text", "confirm": "forget-yes", "deny": "forget-no"}
    confirm = {part: plain(say(name).in_language(language)) for part, name in texts.items()}
    label = say("home-forget").in_language(language)
    return {**button(FORGET, label, FORGET), "style": "danger", "confirm": {**confirm, "style": "danger"}}


def forget_question(language: str) -> dict[str, Any]:
    chunk = chunk_of(say("forget-question").in_language(language))
    return {"text": chunk.text, "blocks": [*chunk.blocks, actions(forget_button(language))]}


def _age(conversation: str) -> float:
    return -float(conversation.partition(":")[2] or 0)


async def suggest(shared: SlackShared, place: Mapping[str, str], user: str) -> None:
    """Offer prompts: in an agent's messages tab (no thread), or in a new thread of the assistant's view."""
    calls, language = shared.calls, await shared.language_of(place, user)
    prompts = [
        {"title": say(name).in_language(language), "message": say(f"{name}-text").in_language(language)}
        for name in PROMPTS
    ]
    if await calls.may(budget(place["team"], METHOD), place["channel"]):
        await calls.quietly(
            place, METHOD, channel_id=place["channel"], thread_ts=place["thread"] or None, prompts=prompts,
            title=say("prompts-title").in_language(language),
        )  # fmt: skip
