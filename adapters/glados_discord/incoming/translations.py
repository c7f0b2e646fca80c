"""The slash commands' names and descriptions in the language of each person's Discord."""

from typing import TypedDict

import discord
from discord import app_commands

from glados_bots.wording.languages import ENGLISH, PSEUDO, known
from glados_bots.wording.sentence import say


class Called(TypedDict):
    """The name and the description of a command."""

    name: app_commands.locale_str
    description: app_commands.locale_str


def localised(sentence: str) -> app_commands.locale_str:
    """A sentence of the catalogue for discord.py: in English, to be translated at registration."""
    return app_commands.locale_str(str(say(sentence)), sentence=sentence)


def called(command: str) -> Called:
    return {"name": localised(f"command-{command}"), "description": localised(f"command-{command}-does")}


class Translator(app_commands.Translator):
    """Translates every text into each of Discord's languages that we have."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """The translation; None for languages that see English."""
        del context
        language = known(locale.value)
        if language in {"", ENGLISH, PSEUDO} or "sentence" not in string.extras:
            return None
        return say(string.extras["sentence"]).in_language(language)
