"""Scenarios around an answer: how it begins, waits, ends, and what can be pressed."""

from datetime import timedelta

from glados_bots.wording.languages import PSEUDO
from glados_bots.wording.sentence import say
from tests.slack.conftest import answered, is_end, kept
from tests.slack.pseudo.odd_model import thinks
from tests.slack.pseudo.stage import QUESTION, REDO, STOP, Stage, scenario

STATUS = "assistant.threads.setStatus"


@scenario("status-is-thinking good-answer good-answer-label bad-answer bad-answer-label button-redo not-yours-slack")
async def an_answer_its_votes_and_regenerate(stage: Stage) -> None:
    anna, otto = stage.person(), stage.person("Ὄττο")
    async with stage.adapter(core={"show_model": True}):
        answer = await stage.answer(anna)
        await otto.click(stage.slack.message(answer), REDO)
        await stage.told(otto, "not-yours-slack")
        stage.model.pieces = ["Ἄλλος."]
        await anna.click(stage.slack.message(answer), REDO)
        await stage.slack.wait_for(lambda: "Ἄλλος." in answer.content and is_end(answer))


@scenario("too-old")
async def old_buttons(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter():
        answer = await stage.answer(anna)
        await kept(stage.client, 1)
        await stage.forget_all()
        await anna.click(stage.slack.message(answer), REDO)
        await stage.told(anna, "too-old")
        await anna.click(stage.slack.message(answer), say("good-answer").in_language(PSEUDO))
        await stage.slack.wait_for(
            lambda: len([one for one in stage.slack.answers() if one.visible_to == anna.id]) == 2
        )


@scenario("button-stop stopped")
async def stop_by_our_button(stage: Stage) -> None:
    anna = stage.person()
    stage.slack.app.agent = ""
    stage.model.gate.clear()
    async with stage.adapter():
        question = await stage.ask(anna)
        await stage.slack.wait_for(lambda: stage.slack.ledger.unfinished)
        (record,) = stage.slack.answers(thread=question)
        await anna.click(stage.slack.message(record), STOP)
        await stage.stands(say("stopped"))
        stage.model.gate.set()


@scenario("stopped button-redo")
async def slacks_own_stop_button(stage: Stage) -> None:
    anna = stage.person()
    stage.model.gate.clear()
    async with stage.adapter():
        question = await stage.ask(anna)
        await stage.slack.wait_for(lambda: stage.slack.ledger.unfinished)
        await anna.stop(question)
        await stage.stands(say("stopped"))
        stage.model.gate.set()


@scenario("queued-next queued queue-full stopped-questions")
async def a_queue(stage: Stage) -> None:
    anna = stage.person()
    stage.model.gate.clear()
    async with stage.adapter(core={"conversation_max_queued": 3}):
        question = await stage.ask(anna)
        await stage.slack.wait_for(lambda: stage.slack.ledger.unfinished)
        for number in range(2):
            await stage.ask(anna, f"{QUESTION} {number}", thread=question)
        await stage.stands(say("queued-next"))
        await stage.stands(say("queued", count=2))
        await stage.ask(anna, thread=question)
        await stage.ask(anna, thread=question)
        await stage.told(anna, "queue-full", count=3)
        await stage.run(anna, "stop")
        stage.model.gate.set()


@scenario("thinking")
async def no_status_line(stage: Stage) -> None:
    anna = stage.person()
    stage.slack.faults.add(method=STATUS, error="feature_disabled", times=None)
    stage.odd.gate.clear()
    async with stage.adapter(core={"inference_url": stage.odd_url}):
        question = await stage.ask(anna)
        await stage.stands(say("thinking"))
        stage.odd.gate.set()
        await answered(stage.slack, question)


@scenario("paused")
async def a_restart(stage: Stage) -> None:
    anna = stage.person()
    stage.model.gate.clear()
    async with stage.adapter(core={"grace": 0}):
        await stage.ask(anna)
        await stage.slack.wait_for(lambda: stage.slack.ledger.unfinished)
    await stage.stands(say("paused"))
    stage.model.gate.set()


@scenario("model-queue model-queue-wait model-queue-next model-queue-next-wait model-thinking status-is-waiting")
async def the_models_own_line(stage: Stage) -> None:
    anna, slow = stage.person(), timedelta(seconds=90)
    lines = {
        ": queue position=1": say("model-queue", place=2),
        ": queue position=1 wait=90.0": say("model-queue-wait", place=2, wait=slow),
        ": queue position=0": say("model-queue-next"),
        ": queue position=0 wait=90.0": say("model-queue-next-wait", wait=slow),
        thinks("Νοῦς"): say("model-thinking"),
    }
    async with stage.adapter(core={"inference_url": stage.odd_url}):
        for line, notice in lines.items():
            stage.odd.before = [line]
            stage.odd.gate.clear()
            question = await stage.ask(anna)
            await stage.status(question, say("status-is-waiting", notice=notice))
            stage.odd.gate.set()
            await answered(stage.slack, question)


@scenario("ended-length ended-filter ended-error no-answer cannot-answer button-retry still-thinking")
async def odd_endings(stage: Stage) -> None:
    anna = stage.person()
    stage.odd.gate.set()
    async with stage.adapter(core={"inference_url": stage.odd_url}):
        for reason, name in (("length", "ended-length"), ("content_filter", "ended-filter"), ("error", "ended-error")):
            stage.odd.reason = reason
            answer = await stage.answer(anna)
            assert say(name).in_language(PSEUDO) in answer.content
        stage.odd.reason, stage.odd.deltas = "stop", []
        answer = await stage.answer(anna)
        assert say("no-answer").in_language(PSEUDO) in answer.content
        stage.odd.deltas = [{"content": "<think>Νοῦς"}]
        answer = await stage.answer(anna)
        assert say("still-thinking").in_language(PSEUDO) in answer.content
        stage.odd.status, stage.odd.error = 400, {"message": "κακόν"}
        await stage.answer(anna)


@scenario("older-left-out")
async def more_than_the_model_remembers(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter():
        question = await stage.ask(anna, "λ" * 9_000)
        await answered(stage.slack, question)
        await kept(stage.client, 1)
        await stage.ask(anna, "μ" * 9_000, thread=question)
        await stage.stands(say("older-left-out", count=1))


@scenario("slack-cut removed")
async def blocks_that_slack_refuses_and_words_it_does_not_delete(stage: Stage) -> None:
    anna = stage.person()
    stage.slack.faults.add(method="chat.update", error="invalid_blocks", times=2)
    stage.slack.faults.add(method="chat.delete", error="compliance_exports_prevent_deletion", times=None)
    stage.model.pieces = ["Λόγος ", "λόγος " * 1200]
    stage.model.gate.clear()
    async with stage.adapter():
        question = await stage.ask(anna)
        await stage.slack.wait_for(lambda: stage.slack.ledger.unfinished)
        stage.model.gate.set()
        await stage.stands(say("slack-cut"))
        await stage.slack.settled()
        await anna.delete(question)
        await stage.stands(say("removed"))


@scenario("asked-by asked-about-by")
async def questions_that_the_bot_posts(stage: Stage) -> None:
    anna = stage.person()
    async with stage.adapter():
        await anna.run(stage.channel, "/glados", f"ask {QUESTION}")
        await stage.slack.wait_for(lambda: any(is_end(one) for one in stage.slack.answers()))
        message = await anna.say(stage.channel, "Πάντα ῥεῖ.")
        form = await stage.form(await anna.shortcut(message, "glados_ask_about"))
        await anna.submit(form, {"question": QUESTION})
        await answered(stage.slack, message, 2)


@scenario("asked-by form-about")
async def a_question_about_a_message_where_the_bot_may_not_write(stage: Stage) -> None:
    """It is asked, and answered, directly."""
    anna = stage.person()
    secret = stage.slack.add_channel("κρυπτόν", with_bot=False)
    message = await anna.say(secret, "Πάντα ῥεῖ.")
    async with stage.adapter():
        form = await stage.form(await anna.shortcut(message, "glados_ask_about"))
        await anna.submit(form, {"question": QUESTION})
        await stage.slack.wait_for(lambda: any(is_end(one) for one in stage.slack.answers(anna.direct)))


@scenario("a-question")
async def a_file_without_words(stage: Stage) -> None:
    """Sessions, and conversations in the home, have titles."""
    anna = stage.person()
    async with stage.adapter():
        question = await anna.dm(files=[("ἄλφα.txt", "text/plain", b"\xce\xbb")])
        await answered(stage.slack, question)
        await kept(stage.client, 1)
        await anna.open_home()
        await stage.slack.wait_for(lambda: stage.slack.world.views)


@scenario("asked-by")
async def the_older_assistants_view(stage: Stage) -> None:
    """Its threads have titles; a question of the bot's own begins one as well."""
    anna = stage.person()
    stage.slack.app.agent = "assistant"
    stage.slack.app.events |= {"assistant_thread_started", "assistant_thread_context_changed"}
    async with stage.adapter():
        root = await anna.open_assistant(stage.channel)
        await stage.slack.wait_for(lambda: stage.slack.ledger.prompts)
        await anna.dm(QUESTION, thread=root)
        await stage.slack.wait_for(lambda: any(is_end(one) for one in stage.slack.answers(thread=root)))
        await anna.run(anna.direct, "/glados", f"ask {QUESTION}")
        await stage.slack.wait_for(lambda: len([one for one in stage.slack.answers() if is_end(one)]) == 2)


@scenario("whole-in-file file-follows code-in-file table-in-file")
async def answers_that_are_files(stage: Stage) -> None:
    """What is in files, and what the code and the table are called, is data."""
    anna = stage.person()
    code, table = "".join(f"λ{number}\n" for number in range(61)), "".join(f"| {number} |\n" for number in range(150))
    async with stage.adapter():
        stage.model.pieces = ["Λόγος ἐστίν. " * 1_000 + "\n\n"] * 5
        stage.model.pause_s = 0.15  # the answer is drawn more often than it comes
        stage.model.gate.clear()
        question = await stage.ask(anna)
        await stage.says("file-follows")
        stage.model.gate.set()
        await answered(stage.slack, question)
        stage.model.pieces = [f"```\n{code}```\n\n| α |\n| --- |\n{table}"]
        await stage.answer(anna)
