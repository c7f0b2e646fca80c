"""Memory arithmetic: what a precision needs, which window is served, what fits."""

from pathlib import Path

import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Cache, Shape
from glados_bots.inference.model_files.shapes import (
    Need,
    bytes_per_token,
    cache_on_cpu,
    in_dtype,
    needs,
    served_window,
    tokens_in,
    wanted_window,
    weight_bytes,
)
from tests.inference.tiny import card

DENSE = Shape(parameters=1000, embedding_parameters=100, caches=(Cache(layers=2, values=10),))
EXPERTS = Shape(parameters=1000, embedding_parameters=100, expert_parameters=800, active_parameters=300)


def test_quantisation_leaves_embeddings_and_fused_experts_as_they_are() -> None:
    assert weight_bytes(DENSE, "bfloat16") == 2000
    assert weight_bytes(DENSE, "8bit") == pytest.approx(900 * 1.01 + 200)
    assert weight_bytes(EXPERTS, "4bit") == pytest.approx(100 * 0.516 + 1800)
    assert [need.precision for need in needs(DENSE, 10)] == ["bfloat16", "8bit", "4bit"]


def test_a_quantised_checkpoint_has_one_precision() -> None:
    (need,) = needs(DENSE.model_copy(update={"checkpoint_bytes": 700}), 10)
    assert (need.precision, need.weights, need.conversation) == ("checkpoint", 700, 400)


def test_float32_takes_twice_the_memory_of_plain_weights_alone() -> None:
    plain, quantised, _ = needs(DENSE, 10)
    exact = in_dtype(plain, "float32")
    assert (exact.precision, exact.weights, exact.conversation) == (
        "float32",
        2 * plain.weights,
        2 * plain.conversation,
    )
    assert in_dtype(plain, "bfloat16") == plain
    assert in_dtype(quantised, "float32") == quantised


def test_a_token_reads_the_weights_that_it_needs() -> None:
    assert bytes_per_token(DENSE, "bfloat16") == 2000
    assert bytes_per_token(EXPERTS, "bfloat16") == 600
    assert bytes_per_token(EXPERTS, "4bit") == pytest.approx(100 * 0.516 + 1800 - 700 * 2)
    quantised = EXPERTS.model_copy(update={"checkpoint_bytes": 500})
    assert bytes_per_token(quantised, "checkpoint") == pytest.approx(150)


def test_a_cache_grows_up_to_its_windows_beside_a_state() -> None:
    shape = Shape(parameters=1, caches=(Cache(layers=1, values=5), Cache(layers=3, values=5, window=4)), state_bytes=7)
    assert [shape.cache_bytes(tokens) for tokens in (1, 4, 10)] == [47, 167, 2 * (50 + 60) + 7]
    assert tokens_in(shape, 100, shape.cache_bytes(10)) == 10
    assert tokens_in(shape, 100, shape.cache_bytes(10) - 1) == 9
    assert tokens_in(shape, 100, 1e9) == 100
    assert tokens_in(shape, 100, 0) == 0


@pytest.mark.parametrize(
    ("own", "length", "limit", "has_card", "window"),
    [
        (131_072, None, None, True, 32_768),
        (131_072, None, None, False, 8_192),
        (131_072, None, 100_000, False, 100_000),
        (131_072, 4096, 100_000, True, 4096),
        (512, 4096, None, True, 512),
        (None, None, None, True, 8_192),
        (None, None, 1024, True, 1024),
    ],
)
def test_the_window_is_the_least_of_what_model_card_and_operator_say(
    own: int | None, length: int | None, limit: int | None, *, has_card: bool, window: int
) -> None:
    made = card(Path("x"), context_length=length, home=Path("x") if has_card else None)
    assert wanted_window(made, own, limit) == window


def test_the_memory_shortens_the_window_until_no_conversation_has_room(tmp_path: Path) -> None:
    model = card(tmp_path)
    assert served_window(model, DENSE, 8192, 40 * 8192) == 8192
    assert served_window(model, DENSE, 8192, 40 * 3000) == 3000
    with pytest.raises(
        ConfigError, match=r"tiny: no room for one conversation .* holds 2047 tokens\); choose"
    ) as refused:
        served_window(model, DENSE, 8192, 40 * 2047)
    assert "\n" not in str(refused.value)
    assert served_window(model, DENSE, 512, 40 * 512) == 512
    with pytest.raises(ConfigError, match="no room"):
        served_window(model, DENSE, 512, 40 * 511)


def test_what_fits_a_gpu() -> None:
    need = Need("bfloat16", weights=14e9, conversation=1e9, overhead=1e9)
    assert need.conversations(24e9) == 7  # (24 - 14) * 0.8 - 1
    assert need.conversations(14e9) == 0
    assert need.least == 16e9


def test_a_small_machine_keeps_most_of_its_memory() -> None:
    assert cache_on_cpu(4e9) == 0.5e9
    assert cache_on_cpu(64e9) == 1.5e9
