"""The cards of embedding models: true for their class, listed in the docs, and kept apart from those of chat models."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModel

from glados_bots.errors import ConfigError
from glados_bots.inference.embeddings.choosing import chosen
from glados_bots.inference.model_files.cards import Card, embedding_cards, load_card, load_cards
from glados_bots.inference.model_files.choosing import choose, resolve
from glados_bots.inference.settings import ServeSettings

ROOT = Path(__file__).parents[3]
CARDS = list(embedding_cards().values())
SMALL = "all_minilm_l6_v2"
OPEN = {"Apache-2.0", "MIT"}
UNITS = {"million": 10**6, "billion": 10**9}

pytestmark = pytest.mark.slow

each = pytest.mark.parametrize("card", CARDS, ids=[card.name for card in CARDS])


@each
def test_the_shape_is_that_of_the_class(card: Card) -> None:
    with torch.device("meta"):
        model = AutoModel.from_config(CONFIG_MAPPING[card.config["model_type"]].from_dict(dict(card.config)))
    assert card.shape is not None
    assert sum(parameter.numel() for parameter in model.parameters()) == card.shape.parameters
    number, unit = card.parameters.split()
    half = Decimal(10) ** -len(number.partition(".")[2]) / 2
    assert abs(Decimal(number) - Decimal(card.shape.parameters) / UNITS[unit]) <= half


@each
def test_a_card_says_what_a_team_must_know(card: Card) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{3,24}", card.name)
    assert card.title
    assert card.good_at
    assert card.embedding is not None
    assert card.embedding.dimensions == card.config["hidden_size"]
    assert (card.embedding.least_dimensions or 1) <= card.embedding.dimensions
    assert (card.context_length or 0) <= card.config["max_position_embeddings"]
    assert (card.licence in OPEN) is not bool(card.licence_note)
    assert (card.licence in OPEN) is not card.gated
    assert card.base.hub is None or card.licence_url == f"https://huggingface.co/{card.base.hub}"


def test_the_docs_list_every_card() -> None:
    first = {row[0]: row[1:] for row in _rows("| Card | Licence | Good at |")}
    second = {row[0]: row[1:] for row in _rows("| Card | Base | Numbers | Window |")}
    assert list(first) == list(second) == [f"`{card.name}`" for card in CARDS]
    for card in CARDS:
        assert card.embedding is not None
        least, most = card.embedding.least_dimensions, card.embedding.dimensions
        base = card.base.hub.partition("/")[2] if card.base.hub else f"{card.title}, in a wheel"
        assert first[f"`{card.name}`"] == [card.licence + (", gated" if card.gated else ""), card.good_at]
        numbers = f"{least} to {most:,}" if least else f"{most:,}"
        assert second[f"`{card.name}`"] == [base, numbers, f"{card.context_length:,}"]


def _rows(head: str) -> Iterator[list[str]]:
    lines = (ROOT / "docs" / "api" / "embeddings.md").read_text(encoding="utf-8").split(head + "\n")[1].splitlines()
    for line in lines[1:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_chat_models_and_embedding_models_are_apart() -> None:
    assert not embedding_cards().keys() & load_cards().keys()
    assert resolve(SMALL)[0].embedding is not None


def test_an_embedding_model_is_refused_as_the_chat_model() -> None:
    with pytest.raises(ConfigError, match="GLADOS_EMBEDDING_MODEL"):
        choose(ServeSettings(model=SMALL))


def test_the_setting_names_the_embedding_model(tmp_path: Path) -> None:
    assert chosen(ServeSettings()) is None
    found = chosen(ServeSettings(embedding_model=SMALL))
    assert found is not None
    assert found.name == SMALL
    (tmp_path / "mine").mkdir()
    own = chosen(ServeSettings(embedding_model=str(tmp_path / "mine")))
    assert own is not None
    assert own.base.folder == tmp_path / "mine"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("auto", "name the model"),
        ("smollm2_135m", "this model chats"),
        ("nothing", "no such model"),
        ("org/never-fetched", "HF_HUB_OFFLINE"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_with_the_remedy(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        chosen(ServeSettings(embedding_model=name))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dimensions = 4\ncolour = 1", "keys are dimensions"),
        ("dimensions = 0", "embedding.dimensions"),
        ('dimensions = 4\npooling = "max"', "embedding.pooling"),
        ("", "embedding.dimensions"),
    ],
)
def test_a_wrong_card_names_the_key(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "model.toml").write_text(f'[base]\nhub = "org/name"\n[embedding]\n{text}\n')
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_card(tmp_path)
