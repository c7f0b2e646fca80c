"""In the pseudo-language no English word of ours is left on Slack, whatever makes the bot say something."""

import re
from collections.abc import AsyncIterator

import pytest

from glados_bots.store.connection import Client
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack
from tests.servers import running
from tests.slack.conftest import Adapter
from tests.slack.pseudo import answers, commands, files, read_files, refusals
from tests.slack.pseudo.odd_model import OddModel
from tests.slack.pseudo.stage import SCENARIOS, Play, Stage
from tests.slack.pseudo.told import leftovers, shown, unmarked, words
from tests.wording.english import CODE
from tests.wording.test_catalogues import messages

BEGINNINGS = (
    answers.a_queue, commands.the_home, files.files_given_back, read_files.every_kind_of_file, refusals.closed_places,
)  # fmt: skip
assert SCENARIOS.keys() >= {play.__name__ for play in BEGINNINGS}

# Sentences in the modules that Slack shares, which its people never read, each with the reason.
ELSEWHERE = frozenset(
    {
        "limit-minute-server",  # Slack has no servers
        "limit-open-server",
        "limit-day-server",
        "file-compressed",  # as the other files that were not read: Slack's own hosts do not compress
        "nothing-to-stop",  # only Discord's moderators stop what others asked
    }
)


@pytest.fixture
async def stage(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, model: ScriptedModel, client: Client, admin: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Stage]:  # fmt: skip
    odd = OddModel()
    async with running(odd.app()) as url:
        yield Stage(slack, adapter, channel, model, client, admin, monkeypatch, odd, f"{url}/v1")


@pytest.mark.parametrize(("play", "names"), SCENARIOS.values(), ids=SCENARIOS)
async def test_no_english_word_is_left(stage: Stage, play: Play, names: frozenset[str]) -> None:
    await play(stage)
    assert sorted(names - stage.said) == [], "the scenario does not bring out what it should"
    assert list(shown(stage.slack))
    assert leftovers(stage.slack) == []


def test_the_scenarios_bring_out_every_sentence_that_people_on_slack_can_read() -> None:
    text = "\n".join(path.read_text() for path in CODE if not {"glados_web", "glados_discord"} & set(path.parts))
    asked = set(re.findall(r"""say\(\s*f?["']([a-z0-9-]+)["']""", text))
    named = {name for name in re.findall(r"""["']([a-z]+-[a-z0-9-]+)["']""", text) if name in messages("en")}
    put_together = ("limit-", "used-", "server-4", "model-queue", "prompt-", "good-answer", "bad-answer")
    wanted = {name for name in messages("en") if name in asked | named or name.startswith(put_together)}
    brought_out = {name for _, names in SCENARIOS.values() for name in names}
    assert len(wanted) > 150
    assert sorted(wanted - brought_out - ELSEWHERE) == []
    assert sorted(brought_out - messages("en").keys()) == []


def test_the_search_finds_what_is_left() -> None:
    assert words("⟦Ŵé šéé⟧ Please wait ⟦ñöw⟧") == ["Please", "wait"]
    assert words("⟦Pléåšé wåît fôr⟧ `glados up` scripted 5 <@U012AB>") == []
    assert words("⟦Try again⟧") == ["Try", "again"], "also within the marks"
    assert unmarked("⟦ôf ⟦îñšîdé⟧⟧ outside") == " outside"
