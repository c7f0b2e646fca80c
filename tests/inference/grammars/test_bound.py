"""Choosing tokens for answers with a form: the chances of allowed tokens, and what happens where none is likely."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from glados_bots.errors import GenerationFailedError
from glados_bots.inference.transformers_engine.sampling.rows import RowSettings
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler

SCORES = torch.tensor([2.0, 1.5, 1.0, 0.5, 0.0, -0.5])
BESIDE, TIMES = 64, 30  # rows drawn together, and how often


class Allows:
    """Stands for a matcher that always allows the same tokens."""

    complete_at = None

    def __init__(self, *tokens: int) -> None:
        self.tokens = tokens
        self.taken: list[int] = []
        self.masks = 0

    def take(self, token: int) -> bool:
        if token in self.tokens:
            self.taken.append(token)
        return token in self.tokens

    def allowed(self) -> Any:
        self.masks += 1
        return np.isin(np.arange(len(SCORES)), self.tokens)

    def rewind(self, count: int) -> None:
        del self.taken[count:]


class Fails(Allows):
    def take(self, token: int) -> bool:
        raise GenerationFailedError(f"no way beyond {token}")


def row(matcher: Allows | None, **changes: Any) -> RowSettings:
    values: dict[str, Any] = {
        "temperature": 1.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0, "presence_penalty": 0.0,
        "frequency_penalty": 0.0, "no_repeat_ngram_size": 0, "prompt": [],
        "generator": torch.Generator().manual_seed(1),
    }  # fmt: skip
    return RowSettings(**(values | changes), matcher=matcher)  # type: ignore[arg-type]


class Rows:
    """A sampler with these rows. `choose` takes the path of a CPU or that of a GPU."""

    def __init__(self, *rows: RowSettings) -> None:
        self.failed: dict[str, Exception] = {}
        self.sampler = Sampler(self.failed.__setitem__)
        self.states = [SimpleNamespace(request_id=str(number)) for number in range(len(rows))]
        for state, one in zip(self.states, rows, strict=True):
            self.sampler.add(state.request_id, one)

    def choose(self, path: str, scores: torch.Tensor = SCORES) -> list[int]:
        every = scores.expand(len(self.states), -1).clone()
        if path == "cpu":
            return self.sampler.choose_all(self.states, every)
        return [int(token) for token in self.sampler.choose_on_device(self.states, every)]


both = pytest.mark.parametrize("path", ["cpu", "gpu"])


@both
@pytest.mark.parametrize(
    ("settings", "candidates"),
    [
        ({}, [1, 3, 5]),
        ({"temperature": 0.7}, [1, 3, 5]),
        ({"top_k": 4}, [1, 3]),
        ({"top_p": 0.7}, [1]),
        ({"top_k": 1}, [1]),
        ({"temperature": 0.0}, [1]),
        ({"presence_penalty": 1e-9}, [1, 3, 5]),  # looks back, so it goes row by row on every device
    ],
)
def test_allowed_tokens_have_the_chances_of_a_draw_among_them(
    path: str, settings: dict[str, Any], candidates: list[int]
) -> None:
    """Settings cut the model's own distribution; of what they leave, allowed tokens keep their proportions."""
    generator = torch.Generator().manual_seed(1)
    rows = Rows(*(row(Allows(1, 3, 5), **settings, generator=generator) for _ in range(BESIDE)))
    found = Counter(token for _ in range(TIMES) for token in rows.choose(path))
    wanted = torch.softmax(SCORES[candidates] / max(settings.get("temperature", 1.0), 1e-3), 0).tolist()
    assert set(found) == set(candidates)
    for token, chance in zip(candidates, wanted, strict=True):
        assert abs(found[token] / TIMES / BESIDE - chance) < 0.04


@both
def test_a_mask_is_made_only_where_the_first_draw_is_not_allowed(path: str) -> None:
    likely, unlikely = Allows(0), Allows(5)
    Rows(row(likely, temperature=0.0), row(unlikely, temperature=0.0)).choose(path)
    assert (likely.masks, unlikely.masks) == (0, 1)
    assert (likely.taken, unlikely.taken) == ([0], [5])


@both
def test_rows_without_a_form_draw_as_if_alone(path: str) -> None:
    alone = Rows(row(None), row(None, temperature=0.0))
    beside = Rows(row(None), row(None, temperature=0.0), row(Allows(5)), row(Fails(0)))
    assert [alone.choose(path) for _ in range(50)] == [beside.choose(path)[:2] for _ in range(50)]


@both
def test_where_every_allowed_token_is_forbidden_the_form_wins(path: str) -> None:
    assert Rows(row(Allows(3, 4), forbids=lambda _, token: token in {3, 4})).choose(path)[0] in {3, 4}
    assert Rows(row(Allows(3, 4), forbids=lambda _, token: token == 3)).choose(path) == [4]


@both
def test_where_repeats_would_be_forbidden_the_form_wins(path: str) -> None:
    rows = Rows(row(Allows(2), no_repeat_ngram_size=1))
    assert [rows.choose(path) for _ in range(3)] == [[2], [2], [2]]


@both
def test_scores_without_hope_do_not_hide_allowed_tokens(path: str) -> None:
    scores = SCORES.clone()
    scores[4] = -1e30
    assert Rows(row(Allows(4))).choose(path, scores) == [4]


@both
def test_a_form_that_fails_ends_its_own_row_only(path: str) -> None:
    rows = Rows(row(Fails(0)), row(Allows(2)))
    assert rows.choose(path)[1] == 2
    assert list(rows.failed) == ["0"]


def test_a_lost_step_is_taken_back_from_the_row() -> None:
    matcher = Allows(1, 2)
    one = row(matcher, temperature=0.0, frequency_penalty=0.01, prompt=[9, 9])
    rows = Rows(one)
    for _ in range(3):
        rows.choose("cpu")
    rows.sampler.rewind("0", 3)
    assert (one.said, matcher.taken) == ([1], [1])
    rows.choose("cpu")
    assert one.counts == {1: 1}
