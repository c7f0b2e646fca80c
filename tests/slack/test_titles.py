"""What a conversation is called in the home, and its session in Slack's own lists: a person's words alone."""

import json

import pytest

from glados_bots.store.connection import Client
from glados_slack.incoming.earlier import EARLIER
from glados_slack.titles import title
from glados_slack.words.reading import SHARED
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.conftest import Adapter, answered, kept

BOB = "> bob: hi\n>\n> bob: ho"


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("where is\n the cake?", "where is the cake?"),
        ("first\n\nsecond", "first"),
        ("x" * 99, "x" * 60),
        (EARLIER.format(lines=BOB) + "who is right?", "who is right?"),
        (f"About this message:\n{BOB}\n\nWhat does it mean?", "What does it mean?"),
        (f"{EARLIER.format(lines=BOB)}true?\n\n{SHARED.format(lines=BOB)}", "true?"),
        (SHARED.format(lines=BOB), ""),
        (EARLIER.format(lines=BOB), ""),
        ("", ""),
    ],
)
def test_what_was_put_around_a_persons_words_for_the_model_is_left_out(text: str, called: str) -> None:
    assert title(text, 60) == called


async def test_a_question_about_a_message_is_called_by_itself(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, client: Client
) -> None:
    message = await ada.say(channel, "E = mc^2")
    async with adapter():
        used = await ada.shortcut(message, "glados_ask_about")
        await slack.wait_for(lambda: used.view)
        assert used.view is not None
        await ada.submit(used.view, {"question": "What does it mean?"})
        await answered(slack, message, 2)
        await kept(client, 1)
        await ada.open_home()
        await slack.wait_for(lambda: slack.world.views and len(slack.world.views) > 1)
    home = list(slack.world.views.values())[-1]
    assert slack.ledger.titles[channel.id, message.ts] == "What does it mean?"
    assert "What does it mean?" in json.dumps(home.payload)
    assert "About this message" not in json.dumps(home.payload)
