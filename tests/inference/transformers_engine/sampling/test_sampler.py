"""Choosing tokens: each setting does what its name says."""

import torch

from glados_bots.inference.transformers_engine.sampling.choosing import choose
from glados_bots.inference.transformers_engine.sampling.drawing import draw_rows
from glados_bots.inference.transformers_engine.sampling.rows import RowSettings


def row(**changes: object) -> RowSettings:
    values: dict[str, object] = {
        "temperature": 0.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0, "presence_penalty": 0.0,
        "frequency_penalty": 0.0, "no_repeat_ngram_size": 0, "prompt": [],
        "generator": torch.Generator().manual_seed(1),
    }  # fmt: skip
    return RowSettings(**(values | changes))  # type: ignore[arg-type]


SCORES = torch.tensor([1.0, 5.0, 4.0, 3.0, 0.0])


def drawn(settings: RowSettings, times: int = 200) -> set[int]:
    return {choose(SCORES, settings, []) for _ in range(times)}


def test_temperature_zero_is_greedy() -> None:
    assert drawn(row()) == {1}


def test_top_k_and_top_p_limit_what_can_be_drawn() -> None:
    assert drawn(row(temperature=5.0)) == {0, 1, 2, 3, 4}
    assert drawn(row(temperature=5.0, top_k=2)) == {1, 2}
    assert drawn(row(temperature=1.0, top_p=0.5)) == {1}


def test_the_same_seed_draws_the_same_tokens() -> None:
    first = [choose(SCORES, settings, []) for settings in [row(temperature=2.0)] for _ in range(20)]
    second = [choose(SCORES, settings, []) for settings in [row(temperature=2.0)] for _ in range(20)]
    assert first == second


def test_penalties_push_away_from_what_was_said() -> None:
    assert choose(SCORES, row(frequency_penalty=2.0), [1]) == 2
    assert choose(SCORES, row(presence_penalty=1.5), [1]) == 2
    assert choose(SCORES, row(repetition_penalty=2.0), [1]) == 2
    assert choose(SCORES, row(repetition_penalty=2.0, prompt=[1]), []) == 2


def test_a_run_of_tokens_is_not_repeated() -> None:
    assert choose(SCORES, row(no_repeat_ngram_size=2), [3, 1, 3]) == 2


def test_a_forbidden_token_is_never_chosen() -> None:
    assert choose(SCORES, row(forbids=lambda _, token: token in {1, 2}), []) == 3
    assert SCORES[1] == 5.0


def test_rows_drawn_together_follow_their_own_settings() -> None:
    rows = [row(), row(temperature=5.0, top_k=2), row(temperature=1.0, top_p=0.5), None]
    seen = {tuple(draw_rows(SCORES.expand(4, 5), rows).tolist()) for _ in range(100)}
    assert [set(column) for column in zip(*seen, strict=True)] == [{1}, {1, 2}, {1}, {1}]


def test_a_seed_draws_the_same_whoever_is_beside_it() -> None:
    alone = draw_rows(SCORES[None], [row(temperature=2.0)])
    beside = draw_rows(SCORES.expand(2, 5), [row(temperature=2.0), row(temperature=2.0)])
    assert [*alone.tolist(), *alone.tolist()] == beside.tolist()


def test_a_flat_distribution_keeps_its_whole_nucleus() -> None:
    scores = torch.zeros(4000)
    settings = row(temperature=1.0, top_p=0.99)
    assert len({choose(scores, settings, []) for _ in range(600)}) > 400
