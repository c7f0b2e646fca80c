"""Scenarios of `/glados` with all its words, of shortcuts and forms, of the home and of suggested prompts."""

from glados_bots.store.channels import LONGEST_PERSONA
from glados_bots.wording.sentence import say
from tests.slack.conftest import answered, is_end, kept
from tests.slack.pseudo.stage import QUESTION, Stage, scenario


@scenario(
    "help how-slack privacy days no-limit nothing-to-stop-yours no-conversation no-such-command no-question-example "
    "example-command model-is-default no-persona language-is-auto not-yours-slack status-model status-idle status-up"
    " two-paragraphs forget-question home-forget forget-title forget-text forget-yes forget-no forgotten"
)
async def words_of_the_command(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter():
        words = (
            "|help|privacy|usage|stop|reset|ἄγνωστον|ask|model|persona|language|persona Ἥρως|model x|language de|status"
        )
        for text in words.split("|"):
            await stage.run(anna, text)
        asked = await stage.run(anna, "forget")
        await anna.click(asked.messages[-1], "glados_forget")
        await stage.stands(say("forgotten", count=0))


@scenario(
    "thinking-is thinking-is-default thinking-none no-such-thinking thinking-set thinking-set-unsure thinking-unset "
    "thinking-unknown"
)
async def how_much_the_model_thinks(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter(core={"admins": f"slack:{anna.id}"}):
        for text in ("thinking", "thinking ἄγνωστον", "thinking high", "thinking"):  # the server tells no levels
            await stage.run(anna, text)
        stage.model.levels = []
        await stage.run(anna, "thinking off")
        await stage.answer(anna)
        await stage.says("thinking-unknown")
        await stage.run(anna, "thinking default")
        await stage.run(anna, "thinking")
        stage.model.levels = ["on", "off"]
        for text in ("thinking low", "thinking off"):
            await stage.run(anna, text)


@scenario(
    "model-is model-set model-unset no-such-model persona-is persona-set persona-unset persona-too-long persona-marks "
    "language-is language-unset no-such-language language-set"
)
async def settings_of_a_channel(stage: Stage) -> None:
    """In a direct message everybody may set them, and typed words are answered at once."""
    anna, bare = stage.person(), stage.person("Ὄττο")
    async with stage.adapter(core={"admins": f"slack:{anna.id}"}):
        for text in (
            "model scripted", "model ἄγνωστον", "persona Ἥρως", f"persona {'λ' * (LONGEST_PERSONA + 1)}",
            f"persona α{'̀' * 40}", "language ἄγνωστος", "language en-XA",
        ):  # fmt: skip
            await stage.run(anna, text)
        for text in ("model", "persona", "language"):
            await stage.run(bare, text)
        for text in ("model default", "persona default", "language default"):
            await stage.run(anna, text)


@scenario("export-sent export-here export-not-sent conversation-forgotten not-alone")
async def data_of_a_person(stage: Stage) -> None:
    anna, otto = stage.person(), stage.person("Ὄττο")
    async with stage.adapter():
        answer = await stage.answer(anna)
        await kept(stage.client, 1)
        await stage.run(anna, "export")
        stage.slack.team.installation.scopes -= {"files:write"}
        await stage.run(anna, "export")
        await otto.shortcut(stage.slack.message(answer), "glados_reset_thread")
        await stage.told(otto, "not-alone")
        await stage.run(anna, "reset")


@scenario(
    "used-minute-user used-minute-channel used-minute-all used-day-user used-day-channel used-day-all list-entry "
    "two-lines tokens-restart-in status-busy"
)
async def what_is_used_and_under_way(stage: Stage) -> None:
    anna = stage.person()
    names = [f"{who}{what}" for who in ("user_", "channel_", "") for what in ("per_minute", "tokens_per_day")]
    stage.model.gate.clear()
    async with stage.adapter(core={f"limit_{name}": 9_000 for name in names}):
        question = await stage.ask(anna)
        await stage.slack.wait_for(lambda: stage.slack.ledger.unfinished)
        await stage.run(anna, "usage")
        await stage.run(anna, "status")
        stage.model.gate.set()
        await answered(stage.slack, question)


@scenario("status-no-model model-list-unreachable form-default")
async def commands_without_the_model(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter(core={"inference_url": "http://127.0.0.1:9/v1", "admins": f"slack:{anna.id}"}):
        await stage.run(anna, "status")
        await stage.run(stage.person("Ὄττο"), "model")
        await stage.form(await anna.run(stage.channel, "/glados", "model"))


@scenario(
    "form-channel form-save form-cancel form-model form-default-model form-persona form-persona-hint "
    "form-persona-example form-language choice-language-auto not-yours-slack no-such-model persona-marks persona-set"
    " models-see"
)
async def the_form_of_a_channel(stage: Stage) -> None:
    anna = stage.person()
    stage.odd.names, stage.odd.seeing = ("scripted", "ἄλλο"), ("scripted",)
    async with stage.adapter(core={"inference_url": stage.odd_url, "admins": f"slack:{anna.id}"}):
        await stage.run(stage.person("Ὄττο"), "model")
        form = await stage.form(await anna.run(stage.channel, "/glados", "model"))
        stage.odd.names = ("scripted",)
        await stage.refused(anna, form, {"model": "ἄλλο"})
        await stage.refused(anna, form, {"persona": "α" + "̀" * 40})
        await anna.submit(form, {"persona": "Ἥρως", "model": "default"})
        await stage.told(anna, "persona-set")
        form = await stage.form(await anna.run(stage.channel, "/glados", "language"))
    async with stage.adapter():
        await stage.refused(anna, form, {"persona": "x"})


@scenario(
    "form-about form-ask form-question form-question-example no-question took-too-long nowhere cannot-answer-there"
)
async def the_form_of_a_question(stage: Stage) -> None:
    anna = stage.person()
    message = await anna.say(stage.channel, "Πάντα ῥεῖ.")
    async with stage.adapter():
        form = await stage.form(await anna.shortcut(message, "glados_ask_about"))
        await stage.refused(anna, form, {"question": " "})
        stage.slack.faults.add(method="chat.postMessage", error="is_archived", times=None)
        await stage.refused(anna, form, {"question": QUESTION})
        stage.slack.team.installation.scopes -= {"im:write"}
        await stage.refused(anna, form, {"question": QUESTION})
        await stage.forget_all()
        await stage.refused(anna, form, {"question": QUESTION})


@scenario("limit-minute-user")
async def a_form_that_meets_a_limit(stage: Stage) -> None:
    anna = stage.person()
    message = await anna.say(stage.channel, "Πάντα ῥεῖ.")
    async with stage.adapter(core={"limit_user_per_minute": 1}):
        await stage.answer(anna)
        form = await stage.form(await anna.shortcut(message, "glados_ask_about"))
        await stage.refused(anna, form, {"question": QUESTION})


@scenario("conversation-forgotten")
async def the_shortcut_that_resets_a_thread(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter():
        answer = await stage.answer(anna)
        await anna.shortcut(stage.slack.message(answer), "glados_reset_thread")
        await stage.told(anna, "conversation-forgotten")


@scenario(
    "home-refresh home-conversations home-none home-answering home-data home-export home-forget forgotten export-sent"
)
async def the_home(stage: Stage) -> None:
    anna, slack = stage.person(), stage.slack
    stage.model.gate.clear()
    async with stage.adapter():
        await anna.open_home()
        await stage.says("home-none")
        question = await stage.ask(anna)
        await slack.wait_for(lambda: slack.ledger.unfinished)
        (home,) = slack.world.views.values()
        await anna.click(home, "glados_refresh")
        await stage.says("home-answering")
        stage.model.gate.set()
        await answered(slack, question)
        await anna.click(home, "glados_export")
        await stage.told(anna, "export-sent")
        await anna.click(home, "glados_forget")
        await stage.told(anna, "forgotten", count=1)


@scenario(
    "prompts-title prompt-explain prompt-explain-text prompt-write prompt-write-text prompt-debug prompt-debug-text "
    "prompt-help prompt-help-text"
)
async def suggested_prompts(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter():
        await anna.open_home("messages")
        await stage.slack.wait_for(lambda: stage.slack.ledger.prompts)
        question = await anna.dm(stage.slack.ledger.prompts[0].prompts[0][1])
        (answer,) = await answered(stage.slack, question)
        assert is_end(answer)
