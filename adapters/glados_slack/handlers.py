"""Events, commands and buttons. Translate in, call, translate out; forms are in form_handlers.py."""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.context.respond.async_respond import AsyncRespond

from glados_bots.commands import first_word, why
from glados_bots.errors import GladosError
from glados_bots.wording.sentence import Sentence, say
from glados_slack.answers.look import FILE, REDO, STOP, VOTE, as_message
from glados_slack.connection.bolt_app import ANYTHING
from glados_slack.connection.calls import NO_PREVIEWS
from glados_slack.connection.escaping import decode
from glados_slack.connection.places import Event, install_of, kind_of, place, place_of_click, place_of_command
from glados_slack.form_handlers import FormHandlers
from glados_slack.incoming import forms, home
from glados_slack.incoming.home import suggest
from glados_slack.parts import SlackParts

log = logging.getLogger(__name__)

Json = dict[str, Any]
Press = Callable[[Mapping[str, str], str, str], Coroutine[Any, Any, None]]


class Handlers:
    """Takes everything Slack sends."""

    def __init__(self, parts: SlackParts) -> None:
        self._shared = parts.shared
        self._desk = parts.desk
        self._controls = parts.controls
        self._commands = parts.commands
        self._home = parts.home
        self._forms = FormHandlers(parts)

    def add_to(self, app: AsyncApp) -> None:
        app.event("message")(self.take_message)
        app.event("app_mention")(self.take_message)
        app.event("agent_session_stopped")(self.stopped)
        app.event("app_home_opened")(self.home_opened)
        app.event("assistant_thread_started")(self.assistant_started)
        for name in ("assistant_thread_context_changed", "app_context_changed", "agent_session_title_changed"):
            app.event(name)(_nothing)
        app.event("app_uninstalled")(self.uninstalled)
        app.event("tokens_revoked")(self.uninstalled)
        app.command(ANYTHING)(self.command)
        app.action(STOP)(self._pressed(self._controls.stop))
        app.action(REDO)(self._pressed(self._controls.redo))
        app.action(FILE)(self.as_file)
        app.action(VOTE)(self._pressed(self._controls.vote))
        app.action(home.EXPORT)(self.export)
        app.action(home.FORGET)(self.forget)
        app.action(home.REFRESH)(self.refresh)
        self._forms.add_to(app)

    # --- events ----------------------------------------------------------------------------------------------------

    async def take_message(self, body: Json, context: AsyncBoltContext) -> None:
        await self._desk.take_message(Event.of(body), install_of(context))

    async def stopped(self, body: Json, event: Json, context: AsyncBoltContext) -> None:
        """Slack's own stop button."""
        channel, thread, user = str(event["channel"]), str(event["thread_ts"]), str(event.get("user") or "")
        where = place(install_of(context), body, channel=channel, kind=kind_of(channel), ts="", thread=thread)
        everybody = await self._controls.may_manage(where, user)
        await self._desk.stopped(channel, thread, "" if everybody else user)

    async def home_opened(self, body: Json, event: Json, context: AsyncBoltContext) -> None:
        """Show the home again; the messages tab of an agent offers prompts."""
        where = place(install_of(context), body, channel=str(event["channel"]), kind="im", ts="", thread="")
        user = str(event["user"])
        if event.get("tab") == "messages":
            self._shared.background.start(suggest(self._shared, where, user))
        else:
            self._shared.background.start(self._home.publish(where, user))

    async def assistant_started(self, body: Json, event: Json, context: AsyncBoltContext) -> None:
        thread = event["assistant_thread"]
        channel, ts = str(thread["channel_id"]), str(thread["thread_ts"])
        where = place(install_of(context), body, channel=channel, kind="im", ts="", thread=ts)
        user = str(thread.get("user_id") or "")
        self._shared.background.start(suggest(self._shared, where, user))

    async def uninstalled(self, body: Json, event: Json) -> None:
        """The app was removed, or its tokens were revoked."""
        if event["type"] == "app_uninstalled" or (event.get("tokens") or {}).get("bot"):
            enterprise, team = str(body.get("enterprise_id") or ""), str(body.get("team_id") or "")
            await self._shared.calls.installs.forget(enterprise, team)

    # --- commands --------------------------------------------------------------------------------------------------

    async def command(self, ack: AsyncAck, command: Json, context: AsyncBoltContext, respond: AsyncRespond) -> None:
        where, user = place_of_command(command, context), str(command["user_id"])
        word, rest = first_word(decode(str(command.get("text") or "")))
        word = word.lower()
        if word == "ask":  # saved before Slack hears that we have it
            said = await self._commands.ask(where, user, rest)
            language = await self._shared.language_of(where, user) if said else ""
            await (ack(**as_message(said.in_language(language)), **NO_PREVIEWS) if said else ack())
        elif word == "forget":
            await ack(**home.forget_question(await self._shared.language_of(where, user)), **NO_PREVIEWS)
        elif word in forms.FIELDS and not rest and await self._controls.may_manage(where, user):
            await self._forms.open_channel(where, user, str(command["trigger_id"]))
            await ack()
        else:
            await ack()
            work = self._commands.run(where, user, word, rest)
            self._shared.background.start(self._answer(respond, where, user, work))

    # --- buttons ---------------------------------------------------------------------------------------------------

    def _pressed(self, do: Press) -> Callable[..., Awaitable[None]]:

        async def pressed(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext) -> None:
            await do(place_of_click(body, context), str(body["user"]["id"]), str(action.get("value") or ""))
            await ack()

        return pressed

    async def as_file(self, ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext) -> None:
        """An upload may take longer than Slack waits."""
        await ack()
        where, user = place_of_click(body, context), str(body["user"]["id"])
        self._shared.background.start(self._controls.as_file(where, user, str(action.get("value") or "")))

    async def export(self, ack: AsyncAck, body: Json, context: AsyncBoltContext) -> None:
        await ack()
        where, user = place_of_click(body, context), str(body["user"]["id"])
        self._shared.background.start(self._tell(where, user, self._commands.export(where, user)))

    async def forget(self, ack: AsyncAck, body: Json, context: AsyncBoltContext, respond: AsyncRespond) -> None:
        """The button of the home, or of `/glados forget`."""
        await ack()
        where, user = place_of_click(body, context), str(body["user"]["id"])
        work = self._shared.core.commands.forget(user)
        is_under_message = bool(body.get("response_url"))
        self._shared.background.start(
            self._answer(respond, where, user, work, replace=True)
            if is_under_message
            else self._tell(where, user, work)
        )

    async def refresh(self, ack: AsyncAck, body: Json, context: AsyncBoltContext) -> None:
        await ack()
        self._shared.background.start(self._home.publish(place_of_click(body, context), str(body["user"]["id"])))

    async def _tell(self, where: Mapping[str, str], user: str, work: Awaitable[Sentence]) -> None:
        """Do what a person wants in their home, tell them the result directly, and show the home again."""
        await self._shared.notes.direct(where, user, await _said(work))
        await self._home.publish(where, user)

    async def _answer(
        self, respond: AsyncRespond, where: Mapping[str, str], user: str, work: Awaitable[Sentence], *,
        replace: bool = False,
    ) -> None:  # fmt: skip
        """Say what came of a command where only the person sees it."""
        said = await _said(work)
        message = as_message(said.in_language(await self._shared.language_of(where, user)))
        await respond(**message, **NO_PREVIEWS, replace_original=replace)


async def _said(work: Awaitable[Sentence]) -> Sentence:
    """What came of it, or why nothing did."""
    try:
        return await work
    except GladosError as error:
        return why(error)
    except Exception:
        log.exception("a command failed")
        return say("broken")


async def _nothing() -> None: ...
