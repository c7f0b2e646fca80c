"""Scores of tokens, raw prompts, and what a request adds to the scores, in a running engine."""

import asyncio
import threading
from typing import Any

import pytest

from glados_bots.conversation import Message
from glados_bots.errors import ParameterRefusedError, PromptTooLongError
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.wire.events import Delta, Event, Finished, Sampling, TokenLogprob
from tests.inference.transformers_engine.sampling.asking import CLOSE, complete, logprobs

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.asyncio(loop_scope="module")]
TEXT = "The quick brown fox jumps over the lazy dog, naïve and 猫."


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


def scores_of(events: list[Event]) -> list[TokenLogprob]:
    return [one for event in events if isinstance(event, Delta) for one in event.logprobs]


async def test_an_answer_tells_how_likely_the_model_found_each_token(engine: TransformersEngine, plain: Any) -> None:
    events = await complete(engine, TEXT, max_tokens=12, logprobs=3)
    scores = scores_of(events)
    prompt = engine.encoder.raw(TEXT)
    wanted = logprobs(plain, [*prompt, *(one.token for one in scores)])[len(prompt) - 1 :]
    assert len(scores) == 12
    for one, row in zip(scores, wanted, strict=False):
        assert one.logprob == pytest.approx(float(row[one.token]), abs=CLOSE)
        assert [top.logprob for top in one.top] == pytest.approx(row.topk(3).values.tolist(), abs=CLOSE)
        assert one.top[0].token == one.token
    assert b"".join(one.text for one in scores).decode(errors="ignore").startswith(text_of(events)[:8])


async def test_scores_are_of_the_model_and_not_of_the_settings(engine: TransformersEngine) -> None:
    banned = scores_of(await complete(engine, TEXT, max_tokens=1, logprobs=0))[0]
    events = await complete(engine, TEXT, max_tokens=1, logprobs=2, logit_bias={banned.token: -100}, temperature=0.5)
    (score,) = scores_of(events)
    assert score.token != banned.token
    assert score.top[0].token == banned.token
    assert score.top[0].logprob == pytest.approx(banned.logprob, abs=CLOSE)


async def test_nothing_is_computed_for_requests_without(engine: TransformersEngine, monkeypatch: Any) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nobody asked for scores")

    monkeypatch.setattr("glados_bots.inference.transformers_engine.sampling.sampler.scored", never)
    events = await complete(engine, TEXT, max_tokens=4)
    assert isinstance(events[-1], Finished)
    assert scores_of(events) == []


async def test_an_answer_after_a_scored_prompt_is_the_same(engine: TransformersEngine) -> None:
    alone = text_of(await complete(engine, TEXT, max_tokens=8))
    assert text_of(await complete(engine, TEXT, max_tokens=8, prompt_logprobs=1)) == alone != ""


async def test_a_bias_bans_and_forces_tokens(engine: TransformersEngine) -> None:
    first = scores_of(await complete(engine, TEXT, max_tokens=3, logprobs=0))
    banned = scores_of(
        await complete(engine, TEXT, max_tokens=3, logprobs=0, logit_bias={one.token: -100 for one in first})
    )
    assert not {one.token for one in banned} & {one.token for one in first}
    forced = scores_of(await complete(engine, TEXT, max_tokens=3, logprobs=0, logit_bias={777: 100}))
    assert {one.token for one in forced} == {777}


async def test_a_stop_token_ends_the_answer_and_does_not_show(engine: TransformersEngine) -> None:
    whole = scores_of(await complete(engine, TEXT, max_tokens=6, logprobs=0))
    events = await complete(engine, TEXT, max_tokens=6, logprobs=0, stop_tokens=(whole[2].token,))
    kept = [one.token for one in whole[: [one.token for one in whole].index(whole[2].token)]]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.completion_tokens) == ("stop", len(kept) + 1)
    assert [one.token for one in scores_of(events)] == kept


async def test_an_answer_does_not_end_before_its_least_tokens(engine: TransformersEngine) -> None:
    wishes: dict[str, Any] = {"max_tokens": 9, "logit_bias": {2: 100, 5: 90}}
    short = (await complete(engine, TEXT, **wishes))[-1]
    long = (await complete(engine, TEXT, **wishes, min_tokens=5, stop_tokens=(5,)))[-1]
    assert isinstance(short, Finished)
    assert isinstance(long, Finished)
    assert (short.reason, short.completion_tokens) == ("stop", 1)
    assert (long.reason, long.completion_tokens) == ("stop", 6)


async def test_a_requests_repetition_penalty_replaces_the_cards(engine: TransformersEngine) -> None:
    same = await complete(engine, TEXT, max_tokens=12, repetition_penalty=1.0)
    assert text_of(same) == text_of(await complete(engine, TEXT, max_tokens=12))
    bent = await complete(engine, TEXT, max_tokens=12, repetition_penalty=3.0, logprobs=0)
    tokens = [one.token for one in scores_of(bent)]
    assert len(set(tokens)) == len(tokens)


async def test_a_stop_string_cuts_scores_off_with_the_text(engine: TransformersEngine) -> None:
    whole = await complete(engine, TEXT, max_tokens=10, logprobs=0)
    text = text_of(whole)
    stop = text[len(text) // 2 :][:3]
    cut = await complete(engine, TEXT, max_tokens=10, logprobs=0, stop=(stop,))
    told = b"".join(one.text for one in scores_of(cut))
    assert text_of(cut) == text[: text.index(stop)]
    assert len(text_of(cut).encode()) <= len(told) < len(b"".join(one.text for one in scores_of(whole)))


@pytest.mark.parametrize(
    ("prompt", "wishes", "said"),
    [
        ([5, 49152], {}, "prompt: 49152 is no token of this model; its tokens are 0 to 49151"),
        ([-1], {}, "prompt: -1 is no token"),
        ("", {}, "prompt: it has no tokens"),
        ("Hi", {"logit_bias": {49152: 1.0}}, "logit_bias: 49152"),
        ("Hi", {"stop_tokens": (10**9,)}, "stop_token_ids: 1000000000"),
    ],
)
async def test_what_the_model_lacks_is_refused_by_name(
    engine: TransformersEngine, prompt: Any, wishes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ParameterRefusedError, match=said):
        await complete(engine, prompt, max_tokens=2, **wishes)


async def test_a_prompt_fills_the_window_if_nothing_shall_follow(engine: TransformersEngine) -> None:
    full = [500] * engine.context_length
    assert (await complete(engine, full, max_tokens=0))[-1] == Finished("length", len(full), 0, 0)
    with pytest.raises(PromptTooLongError):
        await complete(engine, full, max_tokens=1)
    last = (await complete(engine, full[1:], max_tokens=5))[-1]
    assert isinstance(last, Finished)
    assert (last.reason, last.completion_tokens) == ("length", 1)


async def test_tokens_and_texts_lead_to_each_other(engine: TransformersEngine) -> None:
    tokens = await engine.tokenize(TEXT, Sampling(), special=True)
    assert await engine.detokenize(tokens) == TEXT
    assert b"".join(engine.token_bytes(tokens)).decode() == TEXT
    assert engine.tokenizer_info()["eos_token"] == engine.encoder.tokenizer.eos_token
    chat = await engine.tokenize([Message("user", "Hi")], Sampling(), special=True)
    assert chat == engine.encoder.encode([Message("user", "Hi")])


async def test_lists_of_tokens_hold_up_no_answer(engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end, raw = threading.Event(), engine.encoder.raw

    def slow(prompt: Any, *, special: bool = True) -> list[int]:
        if prompt == "slow":
            may_end.wait()
        return raw(prompt, special=special)

    monkeypatch.setattr(engine.encoder, "raw", slow)
    lists = [asyncio.create_task(engine.tokenize("slow", Sampling(), special=True)) for _ in range(100)]
    try:
        assert text_of(await complete(engine, TEXT, max_tokens=2))
        assert not any(one.done() for one in lists)
    finally:
        may_end.set()
    assert await asyncio.gather(*lists) == [raw("slow")] * len(lists)
