"""The scores of prompts: those of the plain model, whatever is read beside them, and whatever goes wrong."""

import asyncio
from typing import Any

import pytest
import torch

from glados_bots.errors import GenerationFailedError
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.transformers_engine.sampling.scoring import PromptScores, scored
from glados_bots.wire.events import Event, Finished, ScoredPrompt
from tests.inference.tiny import VOCABULARY, answer
from tests.inference.transformers_engine.sampling.asking import CLOSE, complete, logprobs
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.asyncio(loop_scope="module")]
TEXT = "The quick brown fox jumps over the lazy dog, naïve and 猫."
QUESTIONS = ["Hello there", "What is water?", "Name three colours."]


def tokens(seed: int, count: int) -> list[int]:
    drawn = torch.randint(3, VOCABULARY, (count,), generator=torch.Generator().manual_seed(seed))
    return [int(token) for token in drawn]


async def score(engine: TransformersEngine, prompt: list[int]) -> list[Event]:
    return await complete(engine, prompt, max_tokens=0, prompt_logprobs=1)


def scores_in(events: list[Event]) -> ScoredPrompt:
    (found,) = [event for event in events if isinstance(event, ScoredPrompt)]
    return found


def assert_are_the_models(given: ScoredPrompt, plain: Any, prompt: list[int]) -> None:
    rows = logprobs(plain, prompt)
    assert [one.token for one in given.tokens] == prompt[1:]
    for one, row in zip(given.tokens, rows, strict=False):
        assert one.logprob == pytest.approx(float(row[one.token]), abs=CLOSE)
        assert [top.logprob for top in one.top] == pytest.approx(row.topk(len(one.top)).values.tolist(), abs=CLOSE)


async def test_a_prompt_is_scored_token_by_token(engine: TransformersEngine, plain: Any) -> None:
    events = await complete(engine, TEXT, max_tokens=0, prompt_logprobs=2)
    prompt, scored = engine.encoder.raw(TEXT), scores_in(events)
    assert_are_the_models(scored, plain, prompt)
    assert [len(one.top) for one in scored.tokens] == [2] * len(scored.tokens)
    assert (scored.first + b"".join(one.text for one in scored.tokens)).decode() == TEXT
    assert events[-1] == Finished("length", len(prompt), 0, 0)


async def test_a_prompt_with_end_tokens_in_it_is_scored_whole(engine: TransformersEngine, plain: Any) -> None:
    prompt = [2, 500, 2, 2, 600, 700]
    assert_are_the_models(scores_in(await score(engine, prompt)), plain, prompt)


@pytest.mark.parametrize("count", [1, 2, 97, 500])
async def test_a_prompt_of_many_pieces_is_scored_in_each(engine: TransformersEngine, plain: Any, count: int) -> None:
    prompt = tokens(count, count)
    assert_are_the_models(scores_in(await score(engine, prompt)), plain, prompt)


async def test_what_others_ask_changes_no_score_and_scores_change_no_answer(
    engine: TransformersEngine, plain: Any
) -> None:
    alone = [(await answer(engine, question))[0] for question in QUESTIONS]
    prompts = [tokens(seed, count) for seed, count in enumerate((300, 30, 150, 7))]
    scored_prompts = asyncio.gather(*(score(engine, prompt) for prompt in prompts))
    together = await asyncio.gather(*(answer(engine, question) for question in QUESTIONS))
    assert [text for text, _ in together] == alone
    for prompt, events in zip(prompts, await scored_prompts, strict=True):
        assert_are_the_models(scores_in(events), plain, prompt)


async def test_a_prompt_that_was_read_before_is_scored_whole_and_helps_the_answer_after_it(
    engine: TransformersEngine, plain: Any
) -> None:
    prompt = tokens(8, 400)
    for _ in range(2):
        events = await complete(engine, prompt, max_tokens=2, prompt_logprobs=0)
        assert_are_the_models(scores_in(events), plain, prompt)
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert finished.cached_tokens > len(prompt) // 3


async def test_a_reader_who_leaves_while_a_prompt_is_scored_is_forgotten(
    engine: TransformersEngine, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asyncio.Event()
    loop, add = asyncio.get_running_loop(), PromptScores.add

    def told(self: PromptScores, start: int, scores: torch.Tensor) -> None:
        add(self, start, scores)
        loop.call_soon_threadsafe(first.set)

    monkeypatch.setattr(PromptScores, "add", told)
    asked = asyncio.create_task(score(engine, tokens(9, 500)))
    await first.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await until(lambda: engine.stats().running == 0)
    assert not engine._sampler._settings
    assert_are_the_models(scores_in(await score(engine, tokens(10, 120))), plain, tokens(10, 120))


async def test_scores_that_fail_end_their_own_request_only(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("said by the test")

    alone = (await answer(engine, QUESTIONS[0]))[0]
    monkeypatch.setattr(PromptScores, "add", fail)
    results = await asyncio.gather(score(engine, tokens(11, 300)), answer(engine, QUESTIONS[0]), return_exceptions=True)
    assert isinstance(results[0], GenerationFailedError)
    assert isinstance(results[1], tuple)
    assert results[1][0] == alone
    assert engine.fatal is None


@pytest.mark.parametrize("place", ["pass", "scores"])
async def test_a_step_without_memory_is_taken_again_with_its_scores(
    engine: TransformersEngine, plain: Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, steps = PromptScores.add, 0

    def step(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise torch.OutOfMemoryError("CUDA out of memory (said by the test)")

    def added(self: PromptScores, start: int, scores: torch.Tensor) -> None:
        step()
        add(self, start, scores)

    if place == "pass":
        monkeypatch.setattr(engine._model, "_forward_pre_hooks", {0: step, **engine._model._forward_pre_hooks})
    else:
        monkeypatch.setattr(PromptScores, "add", added)
    prompt = tokens(12, 480)
    assert_are_the_models(scores_in(await score(engine, prompt)), plain, prompt)
    assert steps > 3


SCORES = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))


async def test_pieces_that_are_read_again_replace_what_they_gave() -> None:
    prompt = [1, 2, 3, 4]
    whole, cut = PromptScores(prompt, 2), PromptScores(prompt, 2)
    whole.add(0, SCORES)
    assert whole.known == [scored(row, token, 2) for row, token in zip(SCORES, prompt[1:], strict=False)]
    for start, end in ((0, 1), (1, 2), (0, 2), (1, 3), (3, 4)):
        cut.add(start, SCORES[start:end])
    assert cut.known == whole.known


async def test_a_piece_that_is_missing_is_an_error() -> None:
    with pytest.raises(ValueError, match="the scores of 0 tokens are known, and the next piece begins at 2"):
        PromptScores([1, 2, 3, 4], 0).add(2, SCORES[2:])
