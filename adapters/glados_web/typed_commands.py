"""The command `/thinking` of the page, typed into the message box: it sets how much the model thinks in this chat."""

from glados_bots.adapter_core import AdapterCore
from glados_bots.commands import first_word, why
from glados_bots.errors import GladosError
from glados_bots.wording.languages import ENGLISH
from glados_bots.wording.sentence import Sentence, say
from glados_web.answers.surface import WebSurface

DEFAULT = "default"  # people type this to undo a choice


def wanted_level(text: str, language: str) -> str | None:
    """The level in `/thinking LEVEL`, empty if there is none; None if the text is a question.

    The command's name may be English or in the person's language. A longer text is a question.
    """
    word, rest = first_word(text)
    names = {f"/{say('command-thinking').in_language(tongue)}" for tongue in (language, ENGLISH)}
    return rest if word.lower() in names and len(rest.split()) <= 1 else None


async def think(core: AdapterCore[WebSurface], conversation: str, level: str) -> Sentence:
    """Set the level of a chat, or show it if the level is empty. The choice lasts as long as the chat's answers."""
    try:
        if not level:
            return await core.commands.thinking(conversation)
        told = await core.commands.set_thinking(conversation, "" if level == DEFAULT else level)
    except GladosError as error:
        return why(error)
    await core.book.keep(conversation, core.store.ttl)
    return told
