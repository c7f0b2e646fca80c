"""In a server that reads the pseudo-language, nothing that the bot says stands outside the catalogue."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.discord.conftest import World
from tests.discord.languages import pseudo_commands, pseudo_files, pseudo_model, pseudo_questions
from tests.discord.languages.pseudo import WAYS, drive, outside

MODULES = (pseudo_commands, pseudo_files, pseudo_model, pseudo_questions)  # each has registered its ways
ADAPTER = Path(__file__).parents[3] / "adapters" / "glados_discord"
NOT_DRIVEN = {
    "a-channel": "every channel of a server can be linked to",
    "nothing": "an answer without words has a notice",
    "option-sure": "part of a command as people type it",
    **dict.fromkeys(("slash-command", "command-ask", "command-help"), "part of how-to-ask-discord"),
}


@pytest.mark.parametrize("name", WAYS)
async def test_no_word_of_ours_is_outside_the_catalogue(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    await drive(name, world, monkeypatch)


def test_every_sentence_of_the_adapter_is_driven() -> None:
    said = {name for path in ADAPTER.rglob("*.py") for name in sentences_in(path)}
    driven = {name for each in WAYS.values() for name in each.names}
    assert said - driven == set(NOT_DRIVEN)


@pytest.mark.parametrize(
    ("text", "found"),
    [("⟦å⟧ 42 ⟦b⟦d⟧ f⟧ <@1> `ask` 🔇", ""), ("⟦å⟧ the", "e"), ("⟦å the⟧", "e"), ("⟦å⟧ HTTP", "HTTP"), ("⟦å", "⟦å")],
)
def test_words_outside_the_catalogue_are_found(text: str, found: str) -> None:
    assert outside(text) == found


def sentences_in(path: Path) -> Iterator[str]:
    """Names that the code asks for by a plain text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
            yield from (str(one.value) for one in node.args if isinstance(one, ast.Constant))
