"""Tokens and people's words, planted everywhere, must not come out in logs and metrics."""

import logging

import pytest
from prometheus_client import generate_latest

from glados_bots.wording.sentence import say
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.conftest import Adapter, answered, slack_settings

WORDS, ANSWER, FILE = "canary-words", "canary-answer", "canary-file"
CLOSED = str(say("could-not-answer-you", reason=say("slack-not-allowed")))
OURS = ("glados_slack", "glados_bots", "slack_bolt", "slack_sdk")


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
async def test_no_token_comes_out_and_no_word_above_debug(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, *, level: int,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(level)
    model.pieces = [f"{ANSWER} ", "and more"]
    slack.faults.add(method="chat.postMessage", error="invalid_blocks")
    slack.faults.add(method="chat.update", drop=True)
    slack.faults.add(method="users.info", status=500)
    files = [("a.txt", "text/plain", FILE.encode()), ("b.bin", "application/zip", FILE.encode())]
    async with adapter():
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} {WORDS}", files=files))
        await ada.run(channel, "/glados", f"ask {WORDS}")
        await ada.run(channel, "/glados", f"nonsense {WORDS}")
        for method in ("chat.startStream", "chat.postMessage"):
            slack.faults.add(method=method, error="restricted_action", times=None)
        await ada.say(channel, f"{slack.bot.mention} {WORDS}")
        await slack.wait_for(lambda: any(CLOSED in one.content for one in slack.answers(channel)))
    records = [record for record in caplog.records if record.name.split(".")[0] in OURS]
    said = [logging.Formatter("%(name)s %(message)s").format(record) for record in records]
    said += [generate_latest().decode(), repr(slack_settings(slack))]
    assert len(said) > 5
    own = slack.settings
    for secret in (own.bot_token, own.app_token, own.signing_secret):
        assert [line for line in said if secret in line] == []
    if level == logging.INFO:
        assert [line for line in said if "canary" in line] == []
