"""What people press, choose and type: buttons, commands, forms, shortcuts, the App Home, the agent's surface."""

import asyncio
import json

import pytest

from glados_bots.commands import listed_languages
from glados_bots.settings import Settings
from glados_bots.store.channels import LONGEST_GRAPHEME, LONGEST_PERSONA
from glados_bots.store.connection import Client
from glados_bots.wire.events import LEVELS
from glados_bots.wording.sentence import Sentence, say
from glados_slack.incoming import asking
from glados_slack.incoming.commands import CALLED
from tests.contents import holding
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Interaction, Person
from tests.slack.conftest import Adapter, answered, is_complete, is_end, kept, labels, read, told
from tests.waiting import LONGEST_S

MODELS = ("`scripted`",)
MARKS = say("persona-marks", most=LONGEST_GRAPHEME)
NOT_YOURS = say("not-yours-slack")


async def done(slack: FakeSlack, *interactions: Interaction) -> None:
    """Return when Slack was answered."""
    await slack.wait_for(lambda: all(one.is_done for one in interactions))


async def replied(slack: FakeSlack, interaction: Interaction, said: Sentence) -> None:
    """Return when a command has said this, to the person alone."""
    text = read(said)
    await slack.wait_for(
        lambda: any(text in slack.ledger.of(one).content for one in interaction.messages), what=f"for {text!r}"
    )
    assert all(one.visible_to == interaction.user.id for one in interaction.messages)


async def test_regenerate_makes_the_answer_anew_in_its_place_for_the_asker_only(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        assert labels(answer) == {"glados_vote", "glados_redo", "glados_file"}
        await bob.click(slack.message(answer), "Regenerate")
        await slack.wait_for(lambda: any(one.visible_to == bob.id for one in slack.answers(channel)))
        model.pieces = ["Another ", "answer."]
        await ada.click(slack.message(answer), "Regenerate")
        await slack.wait_for(lambda: answer.content == "Another answer." and is_end(answer))
    assert len([one for one in slack.answers(channel) if one.visible_to is None]) == 1
    assert not slack.ledger.failures


async def test_an_admin_may_stop_and_regenerate_what_others_asked(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    boss = slack.add_user("boss")
    async with adapter(core={"admins": f"slack:{slack.team.id}/{boss.id}"}):
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        model.pieces = ["Better."]
        await boss.click(slack.message(answer), "Regenerate")
        await slack.wait_for(lambda: answer.content == "Better.")


async def test_an_admin_of_another_organisation_is_none_here(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, client: Client
) -> None:
    boss, outsider = slack.add_user("boss"), slack.add_team("Black Mesa").add_user("gordon")
    slack.team.share(channel, outsider)
    for person in (boss, outsider):
        slack.world.user(person.id).is_admin = True
    async with adapter(external_users=True):
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        await outsider.click(slack.message(answer), "Regenerate")
        await told(slack, outsider, NOT_YOURS)
        await replied(slack, await boss.run(channel, "/glados", "persona A pirate."), say("persona-set"))
    assert await client.hget(f"glados:{{slack}}:ch:{channel.id}", "persona") == "A pirate."


async def test_votes_are_kept_with_the_answer_and_can_be_taken_back(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, client: Client
) -> None:
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        await kept(client, 1)
        key = f"glados:{{slack}}:v:{channel.id}:{question.ts}"
        for button, vote in (("Good answer", "up"), ("Bad answer", "down"), ("Bad answer", None)):
            click = await ada.click(slack.message(answer), button)
            await done(slack, click)
            assert await client.hget(key, ada.id) in {vote, "" if vote is None else vote}
    assert not slack.ledger.failures


async def test_a_failed_answer_apologises_and_can_be_tried_again(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    model.refusal = "no such thing"
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        refused = say("server-rejects", status="400")
        assert read(say("cannot-answer", reason=refused)) in answer.content
        model.refusal = ""
        await ada.click(slack.message(answer), "Try again")
        await slack.wait_for(lambda: answer.content == "Hello world!")


async def test_ask_puts_the_question_in_the_channel_and_answers_in_its_thread(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        asked = await ada.run(channel, "/glados", "ask\u00a0is a<b & why?")
        await slack.wait_for(lambda: len(slack.answers(channel)) == 2 and is_end(slack.answers(channel)[-1]))
        root, answer = slack.answers(channel)
        assert root.content == "ada asks:\nis a<b & why?"
        assert answer.thread_ts == root.ts
        await ada.say(channel, "and so?", thread=slack.message(root))
        await slack.wait_for(lambda: len(model.prompts) == 2)
        empty = await ada.run(channel, "/glados", "ask")
        await replied(slack, empty, say("no-question-example", command=say("example-command", command=CALLED["ask"])))
    assert model.prompts[0][-1]["content"] == "is a<b & why?"
    assert asked.is_done
    assert not asked.messages
    assert not slack.ledger.failures


async def test_ask_while_redis_goes_away_says_so_under_the_question(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, admin: Client, *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(asking, "OUTAGE_S", 0.3)
    async with adapter():
        slow = slack.faults.add(method="chat.postMessage", delay_s=LONGEST_S)
        asked = asyncio.create_task(ada.run(channel, "/glados", "ask why?"))
        await slack.wait_for(lambda: slow.hits)
        await admin.config_set("maxmemory", 1)
        slack.clock.advance(LONGEST_S)
        try:
            await slack.wait_for(lambda: len(slack.answers(channel)) == 2)
        finally:
            await admin.config_set("maxmemory", 0)
        await asked
    question, said = slack.answers(channel)
    assert said.thread_ts == question.ts
    assert said.content == read(say("store-unreachable-asked"))


async def test_ask_where_the_bot_is_not_says_so_to_the_person(slack: FakeSlack, adapter: Adapter, ada: Person) -> None:
    secret = slack.add_channel("secret", with_bot=False)
    secret.members.add(ada.id)
    async with adapter():
        asked = await ada.run(secret, "/glados", "ask hi")
        await replied(slack, asked, say("cannot-answer-there", reason=say("slack-not-in-channel")))


HELP = say(
    "help", how=say("how-slack", command="/glados ask …"), **{name: CALLED[name] for name in set(CALLED) - {"help"}}
)
PRIVACY = say("privacy", time=say("days", count=30), export=CALLED["export"], forget=CALLED["forget"])
LANGUAGES = listed_languages()
WORDS = [
    ("", HELP),
    ("help", HELP),
    ("HELP", HELP),
    ("privacy", PRIVACY),
    ("status", say("status-model", model="scripted")),
    ("usage", say("no-limit")),
    ("stop", say("nothing-to-stop-yours")),
    ("reset", say("no-conversation")),
    ("nonsense <!channel>", say("no-such-command", word="nonsense", help="`/glados help`")),
    ("model", say("model-is-default", model="scripted", models=MODELS)),
    ("persona", say("no-persona")),
    ("language", say("language-is-auto", languages=LANGUAGES)),
    ("thinking", say("thinking-is-default", levels=tuple(f"`{level}`" for level in LEVELS))),
    ("thinking off", NOT_YOURS),
    ("model gpt-9", NOT_YOURS),
    ("persona be rude", NOT_YOURS),
    ("language de", NOT_YOURS),
]


async def test_each_word_of_the_command_answers_the_person_alone(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    async with adapter():
        for text, says in WORDS:
            await replied(slack, await ada.run(channel, "/glados", text), says)
    assert not slack.ledger.failures


async def test_reset_export_and_forget_reach_what_is_kept_of_a_person(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, *, client: Client
) -> None:
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} my secret is CANARY-1")
        await answered(slack, question)
        await kept(client, 1)
        await replied(slack, await ada.run(channel, "/glados", "export"), say("export-sent"))
        (sent,) = [one for one in slack.answers(ada.direct) if one.revisions[-1].files]
        exported = json.loads(slack.message(sent).files[0].content)
        assert [one["question"] for one in exported["exchanges"]] == ["my secret is CANARY-1"]

        await replied(slack, await ada.run(channel, "/glados", "reset"), say("conversation-forgotten"))
        await ada.say(channel, "CANARY-2 again", thread=question)
        await slack.wait_for(lambda: len(model.prompts) == 2)
        assert len(model.prompts[1]) == 2, "nothing is remembered"
        await slack.wait_for(lambda: all(is_complete(one) for one in slack.answers(thread=question)))
        await kept(client, 1)

        asked = await ada.run(channel, "/glados", "forget")
        await replied(slack, asked, say("forget-question"))
        await ada.click(asked.messages[-1], "Forget me")
        await slack.wait_for(
            lambda: any(read(say("forgotten", count=1)) in one.content for one in slack.ledger.messages.values())
        )
    assert await holding(client, "CANARY") == []


async def test_the_form_of_a_channel_sets_model_and_persona_for_everybody_there(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter(core={"admins": f"slack:{slack.team.id}/{ada.id}"}):
        opened = await ada.run(channel, "/glados", "persona")
        await slack.wait_for(lambda: opened.view)
        form = opened.view
        assert form is not None
        sent = await ada.submit(form, {"persona": "Speak like a pirate & <co>.", "model": "scripted"})
        await slack.wait_for(lambda: sent.is_done and not form.is_open)
        await told(slack, ada, say("persona-set"))
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, question)
        assert "Speak like a pirate & <co>." in model.prompts[0][0]["content"]

        again = await ada.run(channel, "/glados", "model")
        await slack.wait_for(lambda: again.view)
        assert again.view is not None
        kept = {block["block_id"]: block["element"] for block in again.view.payload["blocks"]}
        assert kept["persona"]["initial_value"] == "Speak like a pirate & <co>."
        assert kept["model"]["initial_option"]["value"] == "scripted"
        no_such = say("no-such-model", model="no-such", models=MODELS)
        await replied(slack, await ada.run(channel, "/glados", "model no-such"), no_such)
        await replied(slack, await ada.run(channel, "/glados", "persona clear"), say("persona-unset"))
        long = await ada.run(channel, "/glados", f"persona {'x' * (LONGEST_PERSONA + 1)}")
        await replied(slack, long, say("persona-too-long", length=LONGEST_PERSONA + 1, most=LONGEST_PERSONA))
    assert not slack.ledger.failures


async def test_a_form_that_somebody_else_got_hold_of_is_refused(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    async with adapter(core={"admins": f"slack:{slack.team.id}/{ada.id}"}):
        opened = await ada.run(channel, "/glados", "persona")
        await slack.wait_for(lambda: opened.view)
    assert opened.view is not None
    async with adapter():
        sent = await ada.submit(opened.view, {"persona": "x"})
        await slack.wait_for(lambda: sent.is_done)
        assert opened.view.errors["model"] == str(NOT_YOURS)


async def test_in_direct_messages_everybody_sets_their_own(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        await replied(slack, await ada.run(ada.direct, "/glados", "persona Be kind."), say("persona-set"))
        await answered(slack, await ada.dm("hi"))
    assert "Be kind." in model.prompts[0][0]["content"]


async def test_whom_the_bot_does_not_talk_to_sets_nothing_in_direct_messages(
    slack: FakeSlack, adapter: Adapter, ada: Person
) -> None:
    async with adapter(denied_users=ada.id):
        await replied(slack, await ada.run(ada.direct, "/glados", "persona Be kind."), NOT_YOURS)
        await replied(slack, await ada.run(ada.direct, "/glados", "model scripted"), NOT_YOURS)


async def test_the_form_refuses_a_persona_that_no_message_could_show(
    slack: FakeSlack, adapter: Adapter, ada: Person
) -> None:
    async with adapter():
        opened = await ada.run(ada.direct, "/glados", "persona")
        await slack.wait_for(lambda: opened.view)
        assert opened.view is not None
        sent = await ada.submit(opened.view, {"persona": "a" + "\u0301" * 2_500})
        await slack.wait_for(lambda: sent.is_done)
        assert opened.view.errors["persona"] == str(MARKS)


async def test_the_shortcut_asks_about_a_message_in_its_thread(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        message = await bob.say(channel, "E = m & c^2 <!channel>")
        used = await ada.shortcut(message, "glados_ask_about")
        await slack.wait_for(lambda: used.view)
        assert used.view is not None
        await ada.submit(used.view, {"question": "What does it mean?"})
        await answered(slack, message, 2)
        asked, _ = slack.answers(thread=message)
        assert asked.content == "ada asks about this message:\nWhat does it mean?"
    assert model.prompts[0][-1]["content"].endswith("> E = m & c^2 <!channel>\n\nWhat does it mean?")
    assert not slack.ledger.failures


async def test_the_shortcut_where_the_bot_may_not_write_answers_directly(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    secret = slack.add_channel("secret", with_bot=False)
    message = await ada.say(secret, "the plan")
    async with adapter():
        used = await ada.shortcut(message, "glados_ask_about")
        await slack.wait_for(lambda: used.view)
        assert used.view is not None
        await ada.submit(used.view, {"question": "Why?"})
        await slack.wait_for(lambda: len(slack.answers(ada.direct)) == 2 and is_end(slack.answers(ada.direct)[-1]))
    assert "the plan" in slack.answers(ada.direct)[0].content
    assert "the plan" in model.prompts[0][-1]["content"]


async def test_the_shortcut_resets_a_thread_for_who_had_it_alone(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        for person, says in ((bob, say("not-alone")), (ada, say("conversation-forgotten"))):
            await person.shortcut(slack.message(answer), "glados_reset_thread")
            await told(slack, person, says)
        await ada.say(channel, "who am I?", thread=question)
        await slack.wait_for(lambda: len(model.prompts) == 2)
    assert len(model.prompts[1]) == 2


async def test_the_home_shows_status_and_conversations_and_exports_and_forgets(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, client: Client
) -> None:
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} where is the cake?")
        await answered(slack, question)
        await kept(client, 1)
        await ada.open_home()
        await slack.wait_for(lambda: slack.world.views)
        (home,) = slack.world.views.values()
        shown = json.dumps(home.payload["blocks"])
        assert "where is the cake?" in shown
        assert "scripted" in shown
        await ada.click(home, "Export")
        await slack.wait_for(lambda: any(one.revisions[-1].files for one in slack.answers(ada.direct)))
        await told(slack, ada, say("export-sent"))
        await ada.click(home, "Forget me")
        await slack.wait_for(lambda: "where is the cake?" not in json.dumps(home.payload["blocks"]))
        await ada.click(home, "Refresh")
    assert not slack.ledger.failures
    assert not slack.ledger.refused


async def test_the_agents_messages_tab_offers_prompts_and_names_the_session(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    async with adapter():
        await ada.open_home("messages")
        await slack.wait_for(lambda: slack.ledger.prompts)
        await ada.look_at(channel)
        question = await ada.dm("Where is  the cake?")
        (answer,) = await answered(slack, question)
        await slack.settled()
    assert len(slack.ledger.prompts[0].prompts) == 4
    assert slack.ledger.titles[ada.direct.id, question.ts] == "Where is the cake?"
    assert slack.ledger.sessions[ada.direct.id, question.ts] == ["processing", "active"]
    assert slack.ledger.statuses[0].text == str(say("status-is-thinking"))
    assert slack.ledger.status(ada.direct.id, question.ts) == ""
    assert answer.thread_ts == question.ts
    assert not slack.ledger.refused


async def test_the_older_assistants_view(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.app.agent = "assistant"
    slack.app.events |= {"assistant_thread_started", "assistant_thread_context_changed"}
    async with adapter():
        root = await ada.open_assistant(channel)
        await slack.wait_for(lambda: slack.ledger.prompts)
        await ada.look_at(channel, root)
        await ada.dm("Where is the cake?", thread=root)
        await slack.wait_for(lambda: any(is_end(one) for one in slack.answers(thread=root)))
        await slack.settled()
    assert slack.ledger.prompts[0].thread_ts == root.ts
    assert slack.ledger.titles[ada.direct.id, root.ts] == "Where is the cake?"
    assert len(model.prompts) == 1


async def test_group_messages_are_answered_where_the_bot_is_mentioned(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    group = slack.team.add_group(ada, bob)
    async with adapter():
        await ada.say(group, "just us")
        question = await bob.say(group, f"{slack.bot.mention} hi")
        await answered(slack, question)
        await slack.settled()
    assert len(model.prompts) == 1


async def test_limits_are_told_to_the_person_alone(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, settings: Settings
) -> None:
    assert settings.limit_user_per_minute == 0
    async with adapter(core={"limit_user_per_minute": 1}):
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} one"))
        await ada.say(channel, f"{slack.bot.mention} two")
        await slack.wait_for(lambda: any(one.visible_to == ada.id for one in slack.answers(channel)))
        asked = await ada.run(channel, "/glados", "ask three")
        await slack.wait_for(lambda: asked.is_done)
    assert len([one for one in slack.answers(channel) if one.visible_to is None]) == 1


async def test_lists_of_people_and_channels_are_kept(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter(denied_users=bob.id, denied_channels=channel.id):
        await bob.dm("hi")
        await slack.wait_for(lambda: slack.answers(bob.direct))
        await ada.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: any(one.visible_to == ada.id for one in slack.answers(channel)))
        await answered(slack, await ada.dm("hi"))
    assert len(model.prompts) == 1
