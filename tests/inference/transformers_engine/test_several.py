"""Several answers of one request, and raw prompts with a form, in a running engine."""

import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from glados_bots.conversation import Message
from glados_bots.inference.api.choices import answers, by_choice, seeded
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.wire.events import Delta, Event, Finished, Grammar, Sampling, Thought
from tests.inference.test_words import Wish
from tests.inference.tiny import card, in_float32, started, write_base

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.asyncio(loop_scope="module")]
LONG = "Tell me all that you know about the sea, the sky and the mountains. " * 5
GREEDY = Sampling(max_tokens=12, temperature=0.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TransformersEngine]:
    with pytest.MonkeyPatch.context() as patch:
        in_float32(patch)
        base = write_base("llama", tmp_path_factory.mktemp("base"))
        engine = await started(card(base), quantize="none", dtype="float32")
    yield engine
    await engine.stop()


async def several(engine: TransformersEngine, sampling: Sampling, count: int) -> tuple[list[list[Event]], Finished]:
    """(events of each answer, the last event of all)."""
    starts = [partial(engine.generate, "", [Message("user", LONG)], wish) for wish in seeded(sampling, count)]
    told = [event async for event in answers([starts])]
    last = told[-1]
    assert isinstance(last, Finished)
    return by_choice(told, count), last


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


async def test_greedy_answers_equal_single_ones_and_share_the_prompts_pages(engine: TransformersEngine) -> None:
    (single,), _ = await several(engine, GREEDY, 1)
    choices, total = await several(engine, GREEDY, 4)
    assert [text_of(one) for one in choices] == [text_of(single)] * 4
    ends = [one[-1] for one in choices]
    assert all(isinstance(end, Finished) and end.cached_tokens > end.prompt_tokens // 2 for end in ends[1:])
    assert total.prompt_tokens == len(engine.encoder.encode([Message("user", LONG)]))
    assert total.completion_tokens == sum(end.completion_tokens for end in ends if isinstance(end, Finished))


async def test_each_answer_has_a_seed_of_its_own(engine: TransformersEngine) -> None:
    wish = Sampling(max_tokens=12, temperature=1.5, seed=3)
    first, _ = await several(engine, wish, 3)
    again, _ = await several(engine, wish, 3)
    (alone,), _ = await several(engine, wish, 1)
    texts = [text_of(one) for one in first]
    assert len(set(texts)) == 3
    assert [text_of(one) for one in again] == texts
    assert text_of(alone) == texts[0]


async def test_answers_beyond_the_memory_wait_and_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_float32(monkeypatch)
    served = card(write_base("llama", tmp_path))
    engine = await started(served, quantize="none", dtype="float32", cache_gb=264e-6)  # 512 tokens
    try:
        wish = Sampling(max_tokens=70, temperature=0.0, logit_bias={2: -100.0})
        (single,), _ = await several(engine, wish, 1)
        choices, _ = await several(engine, wish, 8)
        assert [text_of(one) for one in choices] == [text_of(single)] * 8
    finally:
        await engine.stop()


async def test_a_raw_prompt_is_continued_in_a_form(engine: TransformersEngine) -> None:
    wish = Sampling(max_tokens=40, temperature=1.0, grammar=Grammar("regex", "[a-z]{3}-[0-9]{2}", "guided_regex"))
    text = text_of([event async for event in engine.complete("", "Name:", wish)])
    assert re.fullmatch("[a-z]{3}-[0-9]{2}", text), text


async def test_no_bias_breaks_a_form(engine: TransformersEngine) -> None:
    tokens = await engine.tokenize("abcxyz", Sampling(), special=False)
    only = Grammar("choice", '["yes", "no"]', "guided_choice")
    bias = dict.fromkeys(tokens, 100.0) | {7: 100.0, 2: 100.0}
    banned = await engine.tokenize("yes no y n", Sampling(), special=False)
    wishes: dict[str, Any]
    for wishes in ({"logit_bias": bias}, {"logit_bias": dict.fromkeys(banned, -100.0)}, {"min_tokens": 30}):
        wish = Sampling(max_tokens=40, temperature=0.0, grammar=only, **wishes)
        assert text_of([event async for event in engine.complete("", "Yes?", wish)]) in {"yes", "no"}


async def test_hidden_reasoning_has_no_scores(tmp_path: Path) -> None:
    engine = await started(card(write_base("llama", tmp_path)), quantize="none", thinking_tokens=20)
    try:
        wish, tokenizer = Wish(engine), engine.encoder.tokenizer
        await wish.for_([*tokenizer("<think>\nHm.\n</think>\n\nYes, it is.")["input_ids"], 2])
        asked = Sampling(max_tokens=20, temperature=0.0, logprobs=0)
        events = [event async for event in engine.generate("", [Message("user", "Well?")], asked)]
        assert any(isinstance(event, Thought) for event in events)
        scores = [one for event in events if isinstance(event, Delta) for one in event.logprobs]
        assert b"".join(one.text for one in scores).decode() == text_of(events) == "Yes, it is."
    finally:
        await engine.stop()
