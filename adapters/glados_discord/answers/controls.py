"""The buttons under an answer. Their ids hold all data, so they work after a restart and in any process."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol, Self, cast

import discord

from glados_bots.wording.sentence import NOTHING, Sentence, say

Action = Literal["stop", "redo", "up", "down", "file"]
_FACES: dict[Action, tuple[Sentence, str]] = {
    "stop": (say("button-stop"), "⏹️"),
    "redo": (say("button-redo"), "🔁"),
    "up": (NOTHING, "👍"),
    "down": (NOTHING, "👎"),
    "file": (say("as-file"), "📄"),
}


class Presses(Protocol):
    """The part of the client that buttons use."""

    async def press(self, interaction: discord.Interaction, action: Action, turn: str) -> None: ...


class Control(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"glados:(?P<action>stop|redo|up|down|file):(?P<turn>\d+)(?::(?P<mark>\w+))?",
):
    """One button. `mark` names its message, so that a posted message can be found again."""

    def __init__(self, action: Action, turn: str, mark: str = "", language: str = "") -> None:
        label, emoji = _FACES[action]
        custom_id = f"glados:{action}:{turn}" + (f":{mark}" if mark else "")
        super().__init__(discord.ui.Button(label=label.in_language(language) or None, emoji=emoji, custom_id=custom_id))
        self.action = action
        self.turn = turn

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[discord.ui.View], match: re.Match[str], /
    ) -> Self:
        del interaction, item
        return cls(cast("Action", match["action"]), match["turn"])

    async def callback(self, interaction: discord.Interaction) -> None:
        await cast("Presses", interaction.client).press(interaction, self.action, self.turn)


def buttons(turn: str, actions: Sequence[Action], mark: str = "", language: str = "") -> discord.ui.View:
    """The row of buttons under an answer. Call it inside the event loop, because discord.py's views need one."""
    view = discord.ui.View(timeout=None)
    for action in actions:
        view.add_item(Control(action, turn, mark, language))
    return view


def mark_of(message: discord.Message) -> str:
    """The mark of one of our messages; empty if it has no buttons."""
    return next((found["mark"] or "" for found in _controls(message)), "")


def actions_of(message: discord.Message) -> tuple[str, ...]:
    return tuple(found["action"] for found in _controls(message))


def _controls(message: discord.Message) -> Iterator[re.Match[str]]:
    for row in message.components:
        for part in getattr(row, "children", ()):
            found = Control.__discord_ui_compiled_template__.fullmatch(getattr(part, "custom_id", None) or "")
            if found:
                yield found
