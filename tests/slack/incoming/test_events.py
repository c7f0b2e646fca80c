"""What Slack sends, and sends again."""

from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_bots.wording.sentence import say
from glados_slack import metrics
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.fakes.slack.delivery.delivery import Held
from tests.slack.conftest import Adapter, answered, is_complete, is_end, read, told

NEXT = str(say("queued-next"))


async def test_an_event_delivered_again_is_answered_once(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    """Three copies of each event with the same id, and one more with the same client_msg_id but another timestamp."""
    slack.delivery.repeat(3)
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi", client_msg_id="one-click")
        twice = await ada.say(channel, f"{slack.bot.mention} hi", client_msg_id="one-click")
        await slack.wait_for(lambda: [one for one in slack.answers(channel) if is_end(one)])  # to whichever came first
        await slack.settled()
    assert len(slack.answers(channel)) == 1
    assert not slack.answers(thread=twice) or not slack.answers(thread=question)
    assert len(model.prompts) == 1
    assert {delivery.outcome for delivery in slack.ledger.deliveries} == {"acked"}


async def test_app_mention_and_message_of_one_post_are_one_question_in_whatever_order(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        for order in (list, lambda held: held[::-1]):
            slack.delivery.hold()
            question = await ada.say(channel, f"{slack.bot.mention} hi")
            slack.delivery.release(order)
            await answered(slack, question)
            await slack.settled()
            assert len(slack.answers(thread=question)) == 1
    assert len(model.prompts) == 2


async def test_an_event_delivered_again_makes_up_for_what_a_process_that_died_left_undone(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, client: Client
) -> None:
    """It saved the question, but not that it takes part in the thread."""
    events: list[Held] = []

    def seen(held: list[Held]) -> list[Held]:
        events.extend(held)
        return held

    async with adapter():
        slack.delivery.hold()
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        slack.delivery.release(seen)
        await answered(slack, question)
        assert await client.delete(f"glados:{{slack}}:in:{channel.id}:{question.ts}")
        for one in events:
            slack.delivery.publish(one)
        await slack.settled()
        await ada.say(channel, "and without a mention?", thread=question)
        await answered(slack, question, 2)


async def test_bots_and_the_bot_itself_are_never_answered(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    robot = slack.team.add_bot("robot")
    async with adapter():
        await robot.say(channel, f"{slack.bot.mention} talk to me")
        await slack.webhook_says(channel, f"{slack.bot.mention} and to me")
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, question)
        await robot.say(channel, "and in this thread?", thread=question)
        await slack.settled()
        await answered(slack, question)
    assert len(model.prompts) == 1
    assert len(slack.answers(channel)) == 1


async def test_an_edited_question_is_answered_anew_in_place_and_a_deleted_one_loses_its_answer(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        model.gate.clear()
        running = await ada.say(channel, f"{slack.bot.mention} wrong")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        await ada.edit(running, f"{slack.bot.mention} right")
        await slack.wait_for(lambda: len(model.prompts) == 2)
        model.gate.set()
        (answer,) = await answered(slack, running)
        assert answer.content == "Hello world!"
        assert [prompt[-1]["content"] for prompt in model.prompts] == ["wrong", "right"]

        await ada.edit(running, f"{slack.bot.mention} righter")
        await slack.wait_for(lambda: len(model.prompts) == 3)
        await slack.wait_for(lambda: all(is_complete(one) for one in slack.answers(thread=running)))
        assert len(slack.answers(channel)) == 1
        await slack.preview(running, "https://example.org")

        model.gate.clear()
        doomed = await ada.say(channel, f"{slack.bot.mention} never mind")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        await ada.delete(doomed)
        await slack.wait_for(lambda: not slack.answers(thread=doomed) and not slack.ledger.unfinished)
        model.gate.set()
        await ada.delete(running)
        await slack.wait_for(lambda: not slack.answers(channel))
    assert len(model.prompts) == 4


async def test_an_edit_that_adds_the_mention_is_a_question(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        question = await ada.say(channel, "what is cake?")
        await ada.edit(question, f"{slack.bot.mention} what is cake?")
        await answered(slack, question)
    assert len(model.prompts) == 1


async def test_a_mention_without_words_gets_help_and_no_model_is_asked(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.delivery.repeat(1)
    async with adapter():
        for text in (slack.bot.mention, f"  {slack.bot.mention}  \n"):
            (help_text,) = await answered(slack, await ada.say(channel, text), ends=False)
            assert help_text.content == read(say("how-to-ask-slack", help="`/glados help`"))
        picture = await ada.say(channel, slack.bot.mention, files=[("cat.png", "image/png", b"\x89PNG\0")])
        await answered(slack, picture, ends=False)
        await slack.settled()
    assert not model.prompts
    assert len(slack.answers(channel)) == 3


async def test_a_mention_inside_a_thread_is_answered_there_with_what_was_said_before(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    root = await ada.say(channel, "The cake & the lie")
    await bob.say(channel, "I doubt it", thread=root)
    async with adapter():
        await bob.say(channel, f"{slack.bot.mention} who is right?", thread=root)
        (answer,) = await answered(slack, root)
        assert answer.thread_ts == root.ts
        asked = model.prompts[0][-1]["content"]
        assert "> ada: The cake & the lie\n> bob: I doubt it" in asked
        assert asked.endswith("who is right?")
        await ada.say(channel, "and why?", thread=root)
        await answered(slack, root, 2)
        assert model.prompts[1][-1]["content"].endswith("and why?")
        assert "Earlier" not in model.prompts[1][-1]["content"]
    assert len(slack.ledger.calls("conversations.replies")) == 1


async def test_of_a_long_thread_the_newest_messages_are_read(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    root = await ada.say(channel, "message 0")
    for number in range(1, 8):
        await ada.say(channel, f"message {number}", thread=root)
    async with adapter(thread_context=3):
        await ada.say(channel, f"{slack.bot.mention} sum up", thread=root)
        await answered(slack, root)
    asked = model.prompts[0][-1]["content"]
    assert [number for number in range(8) if f"message {number}" in asked] == [5, 6, 7]


async def test_a_question_that_comes_late_is_no_past_of_the_one_that_overtook_it(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        slack.delivery.hold()
        root = await ada.say(channel, f"{slack.bot.mention} first")
        await ada.say(channel, f"{slack.bot.mention} second", thread=root)
        slack.delivery.release(lambda held: held[::-1])
        await answered(slack, root, 2)
    asked = [prompt[-1]["content"] for prompt in model.prompts]
    assert sorted(asked) == ["first", "second"]


async def test_without_the_right_to_read_a_thread_it_is_answered_without_its_past(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.faults.add(method="conversations.replies", error="missing_scope", times=None)
    root = await ada.say(channel, "before")
    async with adapter():
        await ada.say(channel, f"{slack.bot.mention} who is right?", thread=root)
        await answered(slack, root)
    assert model.prompts[0][-1]["content"] == "who is right?"


async def test_a_slow_slack_does_not_keep_an_event_from_being_acknowledged_in_time(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    for method in ("conversations.replies", "users.info"):
        slack.faults.add(method=method, delay_s=10, times=None)
    async with adapter():
        root = await ada.say(channel, "before")
        await ada.say(channel, f"{slack.bot.mention} who is right?", thread=root)
        await answered(slack, root)
        await slack.settled()
    assert {one.outcome for one in slack.ledger.deliveries} == {"acked"}
    assert model.prompts[0][-1]["content"] == "who is right?"


async def test_each_message_in_the_agent_view_begins_a_conversation_of_its_own(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        first, second = await ada.dm("one"), await ada.dm("two")
        for question in (first, second):
            (answer,) = await answered(slack, question)
            assert answer.thread_ts == question.ts
        await ada.dm("more", thread=first)
        await answered(slack, first, 2)
    roles = [[message["role"] for message in prompt] for prompt in model.prompts]
    assert sorted(map(len, roles)) == [2, 2, 4]


async def test_entities_are_decoded_once_and_encoded_once(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    model.pieces = ["`a<b>` & ", "&amp; <i>no tag</i>"]
    async with adapter():
        question = await ada.dm("if a<b && c>d, what is &amp;?")
        (answer,) = await answered(slack, question)
    assert model.prompts[0][-1]["content"] == "if a<b && c>d, what is &amp;?"
    assert answer.content.startswith("a<b> & &")
    assert "&amp;amp;" not in answer.revisions[-1].text


async def test_tokens_become_readable_and_only_the_own_mention_goes(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    me = slack.bot.mention
    text = (
        f"{me} ask {bob.mention} in {channel.mention}, <!subteam^S1|@cooks> about <https://a.example/x?a=1|this> {me}"
    )
    async with adapter():
        await answered(slack, await ada.say(channel, text))
        mail = "<mailto:x@y.z|x@y.z>"
        await answered(slack, await ada.say(channel, f"{me}: does {me} know <https://b.example>, {mail}?"))
    asked = [prompt[-1]["content"] for prompt in model.prompts]
    assert asked[0] == "ask @bob in #general, @cooks about [this](https://a.example/x?a=1)"
    assert asked[1] == "does @GLaDOS know https://b.example, x@y.z?"


async def test_messages_in_a_thread_to_somebody_else_are_not_for_the_bot(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, question)
        await ada.say(channel, f"{bob.mention} look at this", thread=question)
        await ada.say(channel, "not in a thread of yours")
        await ada.say(channel, "thanks", thread=question)
        await answered(slack, question, 2)
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["hi", "thanks"]


async def test_two_messages_within_a_second_are_answered_in_order_and_the_second_sees_that_it_waits(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} one")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        await bob.say(channel, "two", thread=question)
        await slack.wait_for(lambda: any(NEXT in one.content for one in slack.answers(thread=question)))
        model.gate.set()
        first, second = await answered(slack, question, 2)
    assert [first.content, second.content] == ["Hello world!"] * 2
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["one", "bob: two"]
    assert "Hello" in model.prompts[1][-2]["content"]


async def test_a_full_queue_is_refused_to_the_person_alone(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel, settings: Settings
) -> None:
    model.gate.clear()
    async with adapter(core={"conversation_max_queued": 1}):
        question = await ada.dm("one")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        await ada.dm("two", thread=question)
        await told(slack, ada, say("queue-full", count=1))
        model.gate.set()
    assert settings.redis_url is not None
    assert len(model.prompts) == 1


async def test_a_full_queue_is_told_once_however_many_events_tell_of_the_question(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    model.gate.clear()
    async with adapter(core={"conversation_max_queued": 1}):
        question = await ada.say(channel, f"{slack.bot.mention} one")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        await ada.say(channel, f"{slack.bot.mention} two", thread=question)
        await slack.settled()
        model.gate.set()
        await answered(slack, question, ends=False)
    assert len([one for one in slack.answers(channel) if one.visible_to == ada.id]) == 1
    assert len(model.prompts) == 1


async def test_what_may_not_be_asked_may_not_be_edited_in(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter(core={"message_max_chars": 100}):
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        await ada.edit(question, f"{slack.bot.mention} {'long ' * 40}")
        await told(slack, ada, say("too-long", length=199, most=100))
    async with adapter(denied_users=ada.id):
        await ada.edit(question, f"{slack.bot.mention} hi again")
        await slack.settled()
        await ada.click(slack.message(answer), "Regenerate")
        await told(slack, ada, say("not-for-you"))
    assert len(model.prompts) == 1


async def test_whatever_nobody_wants_is_acknowledged_and_counted(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    slack.app.shortcuts = None
    slack.app.events.add("reaction_added")
    slack.team.installation.scopes.add("reactions:read")
    before = metrics.UNHANDLED.labels("event")._value.get()
    async with adapter():
        message = await ada.say(channel, "hello all")
        await ada.react(message, "wave")
        shortcut = await ada.shortcut(message, "somebody_elses")
        await slack.wait_for(lambda: not slack.delivery.pending and shortcut.is_done)
    assert {delivery.outcome for delivery in slack.ledger.deliveries} == {"acked"}
    assert metrics.UNHANDLED.labels("event")._value.get() == before + 1
    assert not slack.answers(channel)
