"""A question on Discord gets its answer: in a thread of its own, growing, with buttons."""

from tests.discord.conftest import World, buttons


async def test_a_mention_opens_a_thread_and_is_answered_there(world: World) -> None:
    async with world.bot():
        question = await world.ask("what is a *lemon*?")
        answer = await world.answered(question)
    thread = world.thread(question)
    assert thread.name == "what is a lemon ?"
    assert answer.content == "Hello **world**"
    assert buttons(answer) == ["Regenerate", "👍", "👎", "As file"]
    assert world.said(world.channel) == []
