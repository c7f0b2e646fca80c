"""Scenarios in which something is refused: by the desk, a limit, the lists, a place, the model's server, the store."""

import asyncio
from functools import partial

from glados_bots.commands import Commands
from glados_bots.store.limits import AT_ONCE
from glados_bots.turns import attached, worker
from glados_bots.turns.served_models import ServedModels
from glados_bots.wording.languages import PSEUDO
from glados_bots.wording.sentence import say
from glados_slack.answers.refusals import CLOSED
from glados_slack.incoming import asking
from tests.slack.conftest import answered, is_end
from tests.slack.pseudo.stage import QUESTION, REDO, Stage, scenario
from tests.waiting import LONGEST_S


@scenario("how-to-ask-slack too-long")
async def what_is_no_question(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter(core={"message_max_chars": 200}):
        await answered(stage.slack, await stage.ask(anna, ""), ends=False)
        await stage.ask(anna, "λ" * 201)
        await stage.told(anna, "too-long", length=201, most=200)


@scenario(
    "not-read file-unread file-too-many file-elsewhere file-not-slack file-status file-redirected file-no-right"
    " file-gone file-slow file-too-large file-off"
)
async def files_that_are_not_read(stage: Stage) -> None:
    anna, slack = stage.person(), stage.slack
    stage.patch.setattr(attached, "NAP_S", 0.0)
    notes = [(f"{number}.txt", "text/plain", b"\xce\xbb") for number in range(7)]
    async with stage.adapter(core={"attachments_max": 6, "attachment_max_mb": 1}):
        message = await anna.say(stage.channel, QUESTION, files=notes)
        elsewhere, external, gone, circle, odd, large, _ = message.files
        elsewhere.redirect_to, external.external_url = f"{slack.foreign.url}/x", f"{slack.foreign.url}/y"
        circle.redirect_to, large.announced = circle.url, 2**30
        slack.faults.add(method="file.download", status=418, args={"file": odd.id})
        del slack.world.files[gone.id]
        await anna.edit(message, f"{slack.bot.mention} {QUESTION}")
        await answered(slack, message)
        away = slack.faults.add(method="file.download", status=503, times=None)
        await answered(slack, await anna.say(stage.channel, f"{slack.bot.mention} {QUESTION}", files=notes[:1]))
        slack.faults.remove(away)
        slack.team.installation.scopes -= {"files:read"}
        await answered(slack, await anna.say(stage.channel, f"{slack.bot.mention} {QUESTION}", files=notes[:1]))
    async with stage.adapter(core={"attachment_max_mb": 0}):
        await answered(slack, await anna.say(stage.channel, f"{slack.bot.mention} {QUESTION}", files=notes[:1]))


@scenario("limit-minute-user limit-minute-channel limit-minute-all")
async def limits_per_minute(stage: Stage) -> None:
    for scope, setting in (("user", "user_per_minute"), ("channel", "channel_per_minute"), ("all", "per_minute")):
        anna = stage.person()
        await stage.forget_all()
        async with stage.adapter(core={f"limit_{setting}": 1}):
            await stage.answer(anna)
            await stage.ask(anna)
            await stage.says(f"limit-minute-{scope}")
            await stage.slack.settled()


@scenario("too-long limit-minute-user not-for-you")
async def edits_and_second_answers_that_are_refused(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter(core={"limit_user_per_minute": 1, "message_max_chars": 200}):
        question = await stage.ask(anna)
        (answer,) = await answered(stage.slack, question)
        await anna.edit(question, f"{stage.slack.bot.mention} {'λ' * 201}")
        await stage.told(anna, "too-long", length=201, most=200)
        await anna.click(stage.slack.message(answer), REDO)
        await stage.says("limit-minute-user")
        await stage.slack.settled()
    async with stage.adapter(denied_users=anna.id):
        await anna.click(stage.slack.message(answer), REDO)
        await stage.told(anna, "not-for-you")


@scenario("limit-open-user limit-open-channel limit-open-all limit-day-user limit-day-channel limit-day-all")
async def limits_per_day(stage: Stage) -> None:
    settings = (("user", "user_tokens"), ("channel", "channel_tokens"), ("all", "tokens"))
    for scope, setting in settings:
        anna = stage.person()
        await stage.forget_all()
        stage.model.gate.clear()
        async with stage.adapter(core={f"limit_{setting}_per_day": AT_ONCE}):
            question = await stage.ask(anna)
            for _ in range(1, AT_ONCE):
                await stage.ask(anna)
            await stage.slack.wait_for(lambda: len(stage.slack.ledger.unfinished) == AT_ONCE)
            await stage.ask(anna)
            await stage.says(f"limit-open-{scope}")
            stage.model.gate.set()
            await answered(stage.slack, question)
            await stage.ask(anna)
            await stage.says(f"limit-day-{scope}")
            await stage.slack.wait_for(lambda: not stage.slack.ledger.unfinished)
            await stage.slack.settled()


@scenario("not-for-you not-in-channel not-for-outsiders")
async def the_operators_lists(stage: Stage) -> None:
    anna = stage.person()
    outsider = stage.slack.add_team("Ἑλλάς").add_user("Ξένος", locale=PSEUDO)
    stage.slack.team.share(stage.channel, outsider)
    async with stage.adapter(denied_users=anna.id):
        await anna.dm(QUESTION)
        await stage.told(anna, "not-for-you")
        await outsider.say(stage.channel, f"{stage.slack.bot.mention} {QUESTION}")
        await stage.told(outsider, "not-for-outsiders")
    await stage.forget_all()
    async with stage.adapter(denied_channels=stage.channel.id):
        await stage.ask(anna)
        await stage.told(anna, "not-in-channel")


@scenario(
    "could-not-answer-you slack-not-in-channel slack-not-visible slack-thread-gone slack-no-right slack-no-direct "
    "slack-bot slack-disabled slack-archived slack-message-gone slack-not-allowed"
)
async def closed_places(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter(streaming=False):
        for reason, code in {said.name: code for code, said in CLOSED.items()}.items():
            fault = stage.slack.faults.add(method="chat.postMessage", error=code, times=None)
            await stage.ask(anna)
            await stage.told(anna, "could-not-answer-you", reason=say(reason))
            stage.slack.faults.remove(fault)


@scenario("cannot-answer-there slack-refused")
async def ask_where_the_bot_may_not_write(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter():
        for code in ("is_archived", "odd_error"):
            stage.slack.faults.add(method="chat.postMessage", error=code)
            await stage.run(anna, f"ask {QUESTION}")


@scenario("server-401 server-402 server-403 server-404 server-413 server-blind server-too-many-pictures server-rejects"
          " too-long-for-model too-long-for-model-tokens")  # fmt: skip
async def the_models_server_refuses(stage: Stage) -> None:
    anna = stage.person()
    too_long: dict[str, str | int] = {"code": "context_length_exceeded", "message": "μακρόν"}
    errors: list[tuple[int, dict[str, str | int]]] = [
        (status, {"message": "κακόν"}) for status in (401, 402, 403, 404, 413, 418)
    ]
    errors += [(400, {"code": "image_not_supported"}), (400, {"message": "At most 1 image(s) may be provided"})]
    errors += [(400, too_long), (400, too_long | {"prompt_tokens": 9000, "n_ctx": 10})]
    async with stage.adapter(core={"inference_url": stage.odd_url}):
        for stage.odd.status, stage.odd.error in errors:
            await stage.answer(anna)


@scenario("apology model-refuses-for model-unreachable model-unreachable-too-long status-is-waiting model-gone")
async def the_models_server_is_not_reachable(stage: Stage) -> None:
    anna = stage.person()
    stage.odd.status, stage.odd.headers = 503, {"Retry-After": "3600"}
    async with stage.adapter(core={"inference_url": stage.odd_url}):
        await stage.answer(anna)
        await stage.client.hset(f"glados:{{slack}}:ch:{stage.channel.id}", "model", "ἄγνωστον")
        await stage.answer(anna)
        await stage.client.delete(f"glados:{{slack}}:ch:{stage.channel.id}")
    stage.patch.setattr(worker, "ServedModels", partial(ServedModels, patience_s=4.0))
    async with stage.adapter(core={"inference_url": "http://127.0.0.1:9/v1"}):
        await stage.answer(anna)


@scenario("store-unreachable store-unreachable-asked")
async def the_store_is_not_reachable(stage: Stage) -> None:
    anna = stage.person()
    stage.patch.setattr(asking, "OUTAGE_S", 0.3)
    async with stage.adapter():
        await stage.answer(anna)
        slow = stage.slack.faults.add(method="chat.postMessage", delay_s=LONGEST_S)
        asked = asyncio.create_task(anna.run(stage.channel, "/glados", f"ask {QUESTION}"))
        await stage.slack.wait_for(lambda: slow.hits)
        await stage.admin.config_set("maxmemory", 1)
        try:
            await stage.run(anna, "persona Ἥρως", where=anna.direct)
            stage.slack.clock.advance(LONGEST_S)
            await stage.stands(say("store-unreachable-asked"))
        finally:
            await stage.admin.config_set("maxmemory", 0)
        await asked


@scenario("broken")
async def a_command_that_fails(stage: Stage) -> None:
    anna = stage.person()

    async def usage(*_: object) -> None:
        raise ValueError

    stage.patch.setattr(Commands, "usage", usage)
    async with stage.adapter():
        await stage.run(anna, "usage")


@scenario("")
async def a_deleted_question(stage: Stage) -> None:
    """Nothing is said of it: its answer goes, and what waits in its thread is answered."""
    anna = stage.person()
    async with stage.adapter():
        question = await stage.ask(anna)
        (answer,) = await answered(stage.slack, question)
        assert is_end(answer)
        await anna.delete(question)
        await stage.slack.wait_for(lambda: not stage.slack.answers())
