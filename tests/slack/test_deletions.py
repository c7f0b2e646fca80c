"""Questions that are deleted lose their answers, whatever dies, fails or comes in another order meanwhile."""

import asyncio
from collections.abc import Sequence

import pytest

from glados_bots import display
from glados_bots.settings import Settings
from glados_bots.store import Store
from glados_slack.surface import SlackSurface
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Message, Person
from tests.fakes.slack.delivery import Held
from tests.slack.conftest import Adapter, answered
from tests.slack.test_waiting import surfaces, turn

__all__ = ["turn"]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for Slack looks often."""
    monkeypatch.setattr(display, "LONGEST_WAIT_S", 0.05)
