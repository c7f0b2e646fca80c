"""Shortcuts and forms: a question about a message, the reset of a thread, a channel's model and persona."""

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Mapping
from dataclasses import asdict
from typing import Any, cast

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from glados_bots.commands import why
from glados_bots.conversation import from_lines, to_lines
from glados_bots.errors import GladosError
from glados_bots.store.connection import reply_of
from glados_bots.wording.sentence import Sentence, joined, say
from glados_slack.app_config import ASK_ABOUT, RESET_THREAD
from glados_slack.connection.calls import RefusedError
from glados_slack.connection.installs import Install
from glados_slack.connection.places import Event, clicked_thread, conversation_of, install_of, place_of_click
from glados_slack.incoming import forms
from glados_slack.incoming.asking import About, why_not_posted
from glados_slack.incoming.controls import NOT_YOURS
from glados_slack.parts import SlackParts
from glados_slack.words.reading import Reader
from glados_slack.words.said import CUT, cut

log = logging.getLogger(__name__)

Json = dict[str, Any]
KEPT_S = 3600  # a message somebody asks about is kept so long, until the form is sent off
MODELS_S = 1.5  # Slack opens a form within three seconds of the click, or never
MAX_ERROR = 150


class FormHandlers:
    """Opens forms, and does what they say."""

    def __init__(self, parts: SlackParts) -> None:
        self._shared = parts.shared
        self._core = parts.shared.core
        self._asking = parts.asking
        self._controls = parts.controls

    def add_to(self, app: AsyncApp) -> None:
        app.shortcut(ASK_ABOUT)(self.ask_about)
        app.shortcut(RESET_THREAD)(self.reset_thread)
        app.view(forms.CHANNEL)(self.channel_saved)
        app.view(forms.ABOUT)(self.about_sent)

    # --- a channel -------------------------------------------------------------------------------------------------

    async def open_channel(self, where: Mapping[str, str], user: str, trigger: str) -> None:
        models: list[str] = []
        try:
            async with asyncio.timeout(MODELS_S):
                models = await self._core.commands.models()
        except (GladosError, TimeoutError) as error:
            log.info("the form of a channel comes without models: %s", error)
        chosen = await self._core.book.get(where["channel"])
        view = forms.channel_form(dict(where), chosen, models, await self._shared.language_of(where, user))
        await self._shared.calls.quietly(where, "views.open", trigger_id=trigger, view=view)

    async def channel_saved(self, ack: AsyncAck, body: Json, view: Json) -> None:
        where, user = json.loads(view["private_metadata"]), str(body["user"]["id"])
        if not await self._controls.may_manage(where, user):
            await self._refuse(ack, where, user, forms.MODEL, NOT_YOURS)
            return
        commands, said = self._core.commands, []
        before = asdict(await self._core.book.get(where["channel"]))
        changes = {
            forms.MODEL: commands.set_model, forms.PERSONA: commands.set_persona, forms.LANGUAGE: commands.set_language
        }  # fmt: skip
        for field, change in changes.items():
            new = forms.value(view, field)
            try:
                if new.strip() != before[field]:
                    said.append(await change(where["channel"], new, by=user))
            except GladosError as error:
                await self._refuse(ack, where, user, field, why(error))
                return
        await ack()
        if said:
            told = joined(*said, by="two-paragraphs")
            self._shared.background.start(self._shared.notes.whisper(where, user, told))

    # --- a message -------------------------------------------------------------------------------------------------

    async def ask_about(self, ack: AsyncAck, body: Json, shortcut: Json, context: AsyncBoltContext) -> None:
        where = place_of_click(body, context) | {"thread": clicked_thread(shortcut)}
        key = secrets.token_urlsafe(16)
        about = await self._about(shortcut, body, where, install_of(context))
        kept = json.dumps([where, about.words, to_lines(about.files)])
        await reply_of(self._core.store.client.set(self._key(key), kept, ex=KEPT_S))
        view = forms.about_form(key, await self._shared.language_of(where, str(body["user"]["id"])))
        await self._shared.calls.quietly(where, "views.open", trigger_id=shortcut["trigger_id"], view=view)
        await ack()

    async def about_sent(self, ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext) -> None:
        """The question about a message was asked: in its thread, or directly where the bot may not write there."""
        key = self._key(str(view["private_metadata"]))
        kept = await reply_of(cast("Awaitable[str | None]", self._core.store.client.get(key)))
        said, user = say("took-too-long"), str(body["user"]["id"])
        where: Mapping[str, str] = place_of_click(body, context)
        if kept:
            where, words, files = json.loads(kept)
            about = About(words, from_lines(files))
            said = await self._ask(where, user, forms.value(view, forms.QUESTION), about)
        if said:
            await self._refuse(ack, where, user, forms.QUESTION, said)
            return
        await reply_of(self._core.store.client.delete(key))
        await ack()

    async def _ask(self, where: Mapping[str, str], user: str, question: str, about: About) -> Sentence:
        try:
            return await self._asking.ask(where, user, question, about=about)
        except RefusedError as error:
            log.info("asked directly instead: %s", error)
        opened = await self._shared.calls.quietly(where, "conversations.open", users=user)
        if not opened:
            return say("nowhere")
        direct = {**where, "channel": str(opened["channel"]["id"]), "kind": "im", "thread": ""}
        try:
            return await self._asking.ask(direct, user, question, about=about)
        except RefusedError as error:
            return why_not_posted(error)

    async def reset_thread(self, ack: AsyncAck, body: Json, shortcut: Json, context: AsyncBoltContext) -> None:
        """Forget the conversation of a thread, for who had it alone and for admins."""
        where = place_of_click(body, context) | {"thread": clicked_thread(shortcut)}
        user = str(body["user"]["id"])
        conversation = conversation_of(where["channel"], where["thread"])
        everybody = await self._controls.may_manage(where, user)
        said = await self._core.commands.reset(conversation, "" if everybody else user)
        await ack()
        self._shared.background.start(self._shared.notes.whisper(where, user, said))

    async def _about(self, shortcut: Json, body: Json, where: Mapping[str, str], install: Install) -> About:
        """The message. If the bot does not answer its author, its lines name them, and its files are left out."""
        event = Event.of(body, {**shortcut["message"], "channel": where["channel"]})
        reader = Reader(self._shared.people, self._shared.settings, install, where)
        files = await reader.attachments(event.data) if await reader.answers(event) else ()
        return About(await reader.about(event), files)

    async def _refuse(self, ack: AsyncAck, where: Mapping[str, str], user: str, field: str, why: Sentence) -> None:
        """Keep the form open, with a sentence below one of its fields."""
        text = why.in_language(await self._shared.language_of(where, user))
        await ack(response_action="errors", errors={field: cut(text, MAX_ERROR - len(CUT))})

    def _key(self, key: str) -> str:
        return f"{self._core.store.prefix}about:{key}"
