"""One question to the real adapters, which talk to the fakes: what each platform was given to show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glados_bots.settings import Settings
from tests.discord.conftest import open_world
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.slack.conftest import answered, open_slack, run_adapter

QUESTION = "How do I add up one column of a huge CSV file?"
ANSWER = Path(__file__).with_name("answer.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Said:
    """A message as the platform has it.

    Attributes:
        author: the name of who wrote it.
        is_ours: whether the adapter sent it.
        payload: of Discord `content` and `components`, of Slack `blocks`.
    """

    author: str
    is_ours: bool
    payload: dict[str, Any]


@dataclass(frozen=True)
class Thread:
    """A thread, from the question to the end of its answer.

    Attributes:
        title: what the platform shows above it.
        messages: oldest first; the question is the first.
        names: of people, by the id that a mention has.
    """

    title: str
    messages: tuple[Said, ...]
    names: dict[str, str]


def scripted() -> ScriptedModel:
    """A model that answers everything with ANSWER."""
    model = ScriptedModel(pieces=ANSWER.splitlines(keepends=True))
    model.gate.set()
    return model


async def ask_on_discord(redis_url: str) -> Thread:
    """Mention the bot in a channel of the fake Discord; the thread that it opens."""
    async with open_world(redis_url) as world:
        world.script(*ANSWER.splitlines(keepends=True))
        async with world.bot():
            question = await world.ask(QUESTION)
            await world.answered(question, "More: ")
        thread = world.thread(question)
        answers = [(one.author.name, True, one.revisions[-1]) for one in world.fake.answers(thread)]
        shown = [(world.ada.name, False, world.fake.ledger.of(question).revisions[-1]), *answers]
        messages = [
            Said(author, is_ours, {"content": now.content, "components": now.components})
            for author, is_ours, now in shown
        ]
        return Thread(thread.name, tuple(messages), {str(world.fake.bot.id): world.fake.bot.name})


async def ask_on_slack(redis_url: str) -> Thread:
    """Mention the app in a channel of the fake Slack; the thread under the question."""
    async with open_slack() as slack, running(scripted().app()) as url:
        channel, ada = slack.add_channel("general"), slack.add_user("ada")
        settings = Settings(redis_url=redis_url, inference_url=f"{url}/v1", join_window=0)
        async with run_adapter(slack, settings):
            question = await ada.say(channel, f"{slack.bot.mention} {QUESTION}")
            answers = await answered(slack, question)
        messages = [
            Said(one.author.name, one.author.id == slack.bot.id, {"blocks": one.blocks})
            for one in (slack.ledger.of(question), *answers)
        ]
        return Thread(channel.name, tuple(messages), {slack.bot.id: slack.bot.name})
