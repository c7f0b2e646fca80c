"""Plans: the figures of the cards are those of the models' classes, and what fits follows from them."""

import pytest
from transformers import GPTBigCodeConfig, GPTNeoXConfig

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Base, Card, load_cards
from glados_bots.inference.model_files.plan import Need, cpu_cache, plan, shape_of, token_bytes

CARDS = load_cards()
# The sizes published with the models.
NEOX_7B = GPTNeoXConfig(
    vocab_size=50432, hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, intermediate_size=16384
)
NEOX_20B = GPTNeoXConfig(
    vocab_size=50432, hidden_size=6144, num_hidden_layers=44, num_attention_heads=64, intermediate_size=24576
)
STARCODER = GPTBigCodeConfig(vocab_size=49152, n_positions=8192, n_embd=6144, n_layer=40, n_head=48, n_inner=24576)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("glados_redpajama7b_base", NEOX_7B),
        ("glados_together_20b", NEOX_20B),
        ("neox_20b_full", NEOX_20B),
        ("glados_starcoder", STARCODER),
    ],
)
def test_a_cards_figures_are_counted_from_its_class(name: str, config: object) -> None:
    shape = CARDS[name].shape
    assert shape == shape_of(config)
    assert shape is not None
    assert token_bytes(config) == shape.cache_bytes(1)


def test_the_embedded_models_figures_are_those_of_its_file() -> None:
    planned = plan(CARDS["smollm2_135m"])
    assert planned.source.endswith(".gguf")
    assert planned.shape == CARDS["smollm2_135m"].shape


def test_without_the_hub_the_card_is_planned_from_and_a_bare_id_is_refused() -> None:
    """The tests run with HF_HUB_OFFLINE."""
    planned = plan(CARDS["glados_redpajama7b_base"])
    assert "the card" in planned.source
    needs = {need.precision: need for need in planned.needs()}
    assert 13.5e9 < needs["bfloat16"].weights < 14e9
    assert 7e9 < needs["8bit"].weights < 7.5e9
    assert 4e9 < needs["4bit"].weights < 4.5e9
    assert needs["bfloat16"].conversation == 2048 * 524_288
    with pytest.raises(ConfigError, match="cannot be fetched"):
        plan(Card(name="x", base=Base(hub="org/name")))


def test_what_fits_a_gpu() -> None:
    need = Need("bfloat16", weights=14e9, conversation=1e9, overhead=1e9)
    assert need.conversations(24e9) == 7  # (24 - 14) * 0.8 - 1
    assert need.conversations(14e9) == 0
    assert need.least == 16e9


def test_a_small_machine_keeps_most_of_its_memory() -> None:
    assert cpu_cache(4e9) == 0.5e9
    assert cpu_cache(64e9) == 1.5e9
