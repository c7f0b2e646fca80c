"""Where a question is answered, and who asks there: decided on plain data."""

from types import SimpleNamespace
from typing import Any

import discord
import pytest

from glados_bots.intake.desk import Question
from glados_discord.incoming.questions import conversation_of, spot_of
from glados_discord.incoming.where import Where, where_of
from glados_discord.settings import DiscordSettings
from glados_discord.words.heard import Heard

ASKED = Question("text", length=4, title="why is the sky blue?")
CHANNEL = Where(5, guild=1, settings="5", has_threads=True)
THREAD = Where(7, guild=1, settings="5", is_thread=True)
DIRECT = Where(9, is_direct=True)


def settings(**more: Any) -> DiscordSettings:
    return DiscordSettings(_env_file=None, **more)


@pytest.mark.parametrize(
    ("where", "answer_in", "is_new", "how"),
    [
        (CHANNEL, "thread", True, "thread"),
        (CHANNEL, "thread", False, "reply"),
        (CHANNEL, "reply", True, "reply"),
        (CHANNEL, "channel", False, "plain"),
        (Where(5, guild=1, has_threads=True, may_open_threads=False), "thread", True, "reply"),
        (Where(5, guild=1), "thread", True, "reply"),  # a voice channel's chat has no threads
        (THREAD, "thread", True, "reply"),
        (THREAD, "channel", True, "reply"),
        (DIRECT, "thread", True, "plain"),
    ],
)
def test_a_thread_on_a_first_question_elsewhere_a_reply_and_directly_the_next_message(
    where: Where, answer_in: Any, is_new: bool, how: str
) -> None:
    spot = spot_of(ASKED, where, settings(answer_in=answer_in), "de", is_new=is_new)
    assert (spot.how, spot.title) == (how, "why is the sky blue?" if how == "thread" else "")
    assert spot.channel == str(where.channel)


def test_slow_places_ask_for_few_edits_but_not_a_thread_of_our_own() -> None:
    slow = Where(5, guild=1, has_threads=True, is_slow=True)
    assert [spot_of(ASKED, slow, settings(), "", is_new=is_new).patient for is_new in (True, False)] == ["", "yes"]


@pytest.mark.parametrize(
    ("where", "replies_to", "answer_in", "expected"),
    [
        (CHANNEL, None, "thread", "3"),
        (CHANNEL, 40, "thread", "kept"),
        (CHANNEL, 41, "thread", "3"),
        (CHANNEL, None, "channel", "5"),
        (THREAD, 40, "thread", "7"),
        (Where(40, guild=1, is_thread=True), None, "thread", "kept"),
        (DIRECT, 41, "thread", "9"),
    ],
)
async def test_a_message_belongs_to_its_thread_or_to_what_it_replies_to(
    where: Where, replies_to: int | None, answer_in: Any, expected: str
) -> None:
    async def conversation(found: int) -> str | None:
        return "kept" if found == 40 else None

    memory: Any = SimpleNamespace(conversation=conversation)
    heard = Heard(3, where.channel, replies_to=replies_to)
    assert await conversation_of(heard, where, memory, settings(answer_in=answer_in)) == expected


def test_what_discord_py_does_not_know_of_a_place_is_left_open() -> None:
    unknown = SimpleNamespace(id=5, type=None)
    assert where_of(unknown, 5, None, 1) == Where(5, 1, frozenset({5}), "5")
    news = SimpleNamespace(id=5, type=discord.ChannelType.news, category_id=8)
    assert where_of(news, 5, None, 1) == Where(5, 1, frozenset({5, 8}), "5", has_threads=True, is_slow=True)
