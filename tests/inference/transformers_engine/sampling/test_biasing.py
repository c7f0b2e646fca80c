"""What a request adds to scores: the same row by row, and for all rows at once as on a GPU."""

import math
from typing import Any

import pytest
import torch

from glados_bots.inference.transformers_engine.sampling.biasing import bias_of, biased_rows
from glados_bots.inference.transformers_engine.sampling.choosing import choose
from glados_bots.inference.transformers_engine.sampling.drawing import draw_rows
from glados_bots.inference.transformers_engine.sampling.rows import RowSettings
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.inference.transformers_engine.sampling.scoring import scored
from glados_bots.wire.events import Sampling
from tests.inference.transformers_engine.sampling.test_sampler import row

SCORES = torch.tensor([1.0, 5.0, 4.0, 3.0, 0.0])
CPU = torch.device("cpu")
TIMES = 100


def wishing(temperature: float = 0.0, ends: tuple[int, ...] = (), **wishes: Any) -> RowSettings:
    return row(temperature=temperature, bias=bias_of(Sampling(**wishes), ends, CPU))


class State:
    """A request of the library."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id


def both_ways(settings: RowSettings) -> tuple[set[int], set[int]]:
    """The tokens that are drawn row by row, and beside another row as on a GPU."""
    sampler = Sampler(lambda *_: None)
    sampler.add("one", settings)
    sampler.add("other", row())
    alone = {choose(SCORES, settings, []) for _ in range(TIMES)}
    states = [State("one"), State("other")]
    beside = [sampler.choose_on_device(states, SCORES.expand(2, 5)).tolist() for _ in range(TIMES)]
    assert {other for _, other in beside} == {1}
    return alone, {one for one, _ in beside}


@pytest.mark.parametrize(
    ("settings", "drawn"),
    [
        (wishing(logit_bias={1: -100}), {2}),
        (wishing(logit_bias={4: 6}), {4}),
        (wishing(5.0, logit_bias={1: -100, 4: -100}), {0, 2, 3}),
        (wishing(1.0, min_p=0.3), {1, 2}),
        (wishing(1.0, min_p=1.0), {1}),
        (wishing(5.0, min_p=0.3), {0, 1, 2, 3, 4}),
        (wishing(0.0, min_p=0.01), {1}),
        (wishing(1.0, min_p=0.3, logit_bias={1: -100}), {2, 3}),
        (wishing(ends=(1,), min_tokens=TIMES + 1), {2}),
        (wishing(ends=(1,), min_tokens=TIMES + 1, stop_tokens=(2,)), {3}),
    ],
)
def test_a_wish_means_the_same_alone_and_beside_others(settings: RowSettings, drawn: set[int]) -> None:
    assert both_ways(settings) == (drawn, drawn)


def test_chances_are_those_of_the_biased_scores() -> None:
    settings = wishing(1.0, logit_bias={0: 4, 4: -100})
    wanted = (SCORES + torch.tensor([4.0, 0, 0, 0, -math.inf])).softmax(-1)
    tokens = torch.tensor([choose(SCORES, settings, []) for _ in range(1_500)])
    assert torch.bincount(tokens, minlength=5) / 1_500 == pytest.approx(wanted.numpy(), abs=0.06)


def test_a_request_without_wishes_costs_nothing() -> None:
    assert bias_of(Sampling(), (2,), CPU) is None
    assert biased_rows(SCORES, {}) is SCORES
    assert row().is_free
    for wishes in ({"logprobs": 0}, {"bias": bias_of(Sampling(min_p=0.5), (), CPU)}):
        assert not row(**wishes).is_free


def test_lost_steps_take_their_scores_with_them() -> None:
    sampler = Sampler(lambda *_: None)
    settings = row(logprobs=0, prompt=[7, 7])
    sampler.add("one", settings)
    for _ in range(3):
        sampler.choose_all([State("one")], SCORES[None])
    sampler.rewind("one", 3)
    assert (len(settings.scores), settings.said) == (1, [1])


def test_more_alternatives_than_tokens() -> None:
    assert [token for token, _ in scored(SCORES, 1, 20).top] == [1, 2, 3, 0, 4]


def test_rows_drawn_together_keep_their_own_least_probability() -> None:
    rows = [wishing(1.0, min_p=1.0), row(temperature=5.0), None]
    seen = [draw_rows(SCORES.expand(3, 5), rows).tolist() for _ in range(TIMES)]
    assert [set(column) for column in zip(*seen, strict=True)] == [{1}, {0, 1, 2, 3, 4}, {1}]
