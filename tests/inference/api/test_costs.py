"""What a request can cost is bounded by its bytes, its pictures and the window."""

import pytest

from glados_bots.conversation import Message, Picture, ToolCall
from glados_bots.inference.api.costs import Costs, costs
from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.pictures.bounds import MOST_TOKENS
from glados_bots.wire.events import Sampling, Tool, ToolUse
from tests.fakes.engine import ScriptedEngine

FIVE = Sampling(max_tokens=5)


def cost(*messages: Message, sampling: Sampling = FIVE, window: int = 1000, thinking: int = 0) -> Costs:
    engine = ScriptedEngine()
    engine.context_length, engine.thinking_tokens = window, thinking
    return costs(messages, sampling, engine)


def test_every_text_that_the_model_reads_counts_by_its_bytes() -> None:
    assert cost(Message("user", "Hi")).most == 7
    assert cost(Message("user", "é" * 10)).most == 25
    assert cost(Message("assistant", "Hi", reasoning="Hm.")).most == 10
    assert cost(Message("assistant", "", tool_calls=(ToolCall("1", "add", "{}"),))).most == 10
    assert cost(Message("user", "Hi"), thinking=100).most == 107


def test_tools_count_and_have_a_bound() -> None:
    def using(*tools: Tool) -> Sampling:
        return Sampling(max_tokens=5, tools=ToolUse(tools, frozenset()))

    assert cost(Message("user", "Hi"), sampling=using(Tool("add"))).most > 20
    with pytest.raises(ApiError, match="their definitions may have at most"):
        cost(Message("user", "Hi"), sampling=using(*[Tool("add", "x" * 2**20)] * 2))


def test_the_window_bounds_everything() -> None:
    assert cost(Message("user", "Hi"), sampling=Sampling()).most == 1000
    assert cost(Message("user", "x" * 5000)).most == 1000


def test_a_picture_counts_what_it_can_cost() -> None:
    picture = Picture("", "image/png", 1, 1)
    assert cost(Message("user", "Hi", (picture, picture)), window=100_000).most == 7 + 2 * MOST_TOKENS


def test_the_least_is_an_estimate_from_the_characters() -> None:
    assert cost(Message("user", "x" * 40), Message("user", "x" * 44)).least == 21
