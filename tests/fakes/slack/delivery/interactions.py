"""Commands, buttons, shortcuts and forms: what a user sets off, and what the app may answer, when and how often."""

import secrets
from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.slack.blocks.checks import check_message_blocks, number_blocks
from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.ledger import Failure
from tests.fakes.slack.world.messages import add_message, check_may_post, delete_message, edited
from tests.fakes.slack.world.models import Channel, JsonObject, Message, User, View
from tests.fakes.slack.world.payloads import message_json
from tests.fakes.slack.world.state import World
from tests.fakes.slack.world.views import apply_response, close_stack

from .delivery import Answer, Delivery

TRIGGER_LIFE_S = 3.0
RESPONSE_LIFE_S = 30 * 60.0
RESPONSE_USES = 5


@dataclass(eq=False)
class Interaction:
    """One thing a user did, and what the app made of it so far.

    Attributes:
        answer: The acknowledgement, or how it failed; None while it is awaited.
        messages: What the app sent to the response URL (or as the ack of a command), newest last.
        view: The form that was opened with its trigger.
        error: What the user was shown when the app did not answer as it must.
    """

    kind: str
    user: User
    channel: Channel | None
    trigger_id: str
    response_url: str
    created_at: float
    # The message with the button, or the one of a shortcut.
    source: Message | None = None
    answer: Answer | None = None
    messages: list[Message] = field(default_factory=list)
    view: View | None = None
    error: str = ""
    uses: int = 0
    is_trigger_used: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the app has acknowledged it, or failed to."""
        return self.answer is not None

    @property
    def content(self) -> str:
        """The text of the newest message it brought; empty before there is one."""
        return self.messages[-1].text if self.messages else ""


class Interactions:
    """All interactions of one fake."""

    def __init__(self, world: World, delivery: Delivery) -> None:
        self._world = world
        self._delivery = delivery
        self._by_trigger: dict[str, Interaction] = {}
        self._by_url: dict[str, Interaction] = {}

    def start(self, kind: str, user: User, channel: Channel | None, source: Message | None = None) -> Interaction:
        """A user does something."""
        trigger = f"{int(self._world.clock.now() * 1000)}.{user.team.id}.{secrets.token_hex(16)}"
        path = f"/response/{user.team.id}/{secrets.token_hex(12)}"
        url = f"{self._world.base_url}{path}" if channel is not None else ""
        found = Interaction(kind, user, channel, trigger, url, self._world.clock.now(), source)
        self._by_trigger[trigger] = found
        self._by_url[path] = found
        return found

    def take_trigger(self, trigger_id: str) -> Interaction:
        """The interaction of a trigger, which works once and for three seconds.

        Raises:
            ApiError: invalid_trigger_id, expired_trigger_id, exchanged_trigger_id.
        """
        found = self._by_trigger.get(trigger_id)
        if found is None:
            raise ApiError("invalid_trigger_id")
        if self._world.clock.now() - found.created_at > TRIGGER_LIFE_S:
            raise ApiError("expired_trigger_id")
        if found.is_trigger_used:
            raise ApiError("exchanged_trigger_id")
        found.is_trigger_used = True
        return found

    async def send(self, interaction: Interaction, kind: str, payload: JsonObject, view: View | None = None) -> None:
        """Deliver it, and do what the acknowledgement says."""
        answer = await self._delivery.ask(kind, payload)
        try:
            if not answer.is_ack:
                interaction.error = "operation_timeout" if answer.outcome == "timeout" else "dispatch_failed"
            elif interaction.kind == "command" and answer.payload:
                self._say(interaction, answer.payload)
            elif interaction.kind == "view_submission" and view is not None:
                apply_response(self._world, view, answer.payload)
            elif view is not None:
                close_stack(self._world, view)
        except ApiError as error:
            interaction.error = error.code
        if interaction.error:
            what = str(payload.get("command") or payload.get("type"))
            self._world.ledger.failures.append(Failure(interaction.user.id, what, interaction.error))
        interaction.answer = answer
        self._world.ledger.changed()

    async def handle_response(self, request: web.Request) -> web.StreamResponse:
        """POST to a response URL: five times in thirty minutes."""
        found = self._by_url.get(request.path)
        if found is None:
            return web.json_response({"ok": False, "error": "invalid_url"}, status=404)
        if self._world.clock.now() - found.created_at > RESPONSE_LIFE_S:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if found.uses >= RESPONSE_USES:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        found.uses += 1
        try:
            self._say(found, await request.json())
        except ApiError as error:
            return web.json_response(error.body, status=404 if error.code == "channel_not_found" else 400)
        self._world.ledger.changed()
        return web.Response(text="ok")

    def _say(self, interaction: Interaction, body: JsonObject) -> None:
        world, channel = self._world, interaction.channel
        if channel is None:
            raise ApiError("channel_not_found")
        installation = world.installation(interaction.user.team) or world.installation(channel.team)
        if installation is None:
            raise ApiError("account_inactive")
        source = interaction.source
        if body.get("delete_original") and source is not None:
            delete_message(world, source)
            return
        text, blocks = str(body.get("text") or ""), check_message_blocks(body.get("blocks") or [])
        number_blocks(blocks)
        if not (text.strip() or blocks):
            raise ApiError("no_text")
        if body.get("replace_original") and source is not None and source.author is installation.bot:
            before = message_json(source, world)
            source.text, source.blocks, source.stream, source.markdown = text, blocks, None, ""
            edited(world, source, before)
            interaction.messages.append(source)
            return
        is_public = body.get("response_type") == "in_channel"
        thread_ts = body.get("thread_ts")
        if thread_ts:
            check_may_post(channel, interaction.user, thread_ts)
        message = Message(world.clock.timestamp(), channel, installation.bot, text=text, blocks=blocks)
        message.thread_ts = thread_ts
        message.visible_to = None if is_public else interaction.user.id
        message.unfurl_links, message.unfurl_media = body.get("unfurl_links"), body.get("unfurl_media")
        interaction.messages.append(add_message(world, message))
