"""How one message of an answer looks: its text, the small print below, and the buttons."""

import re

import discord

from glados_bots.markdown.streaming.stream import Stream
from glados_bots.surface import View
from glados_bots.wording.sentence import say
from glados_discord.answers.controls import Action, buttons
from glados_discord.answers.markdown import LIMIT, DiscordDialect, stream

LONGEST_NOTICE = 360  # characters; it may name files, and the longest other one of any language has 165
LONGEST_LINE = 180  # characters of the model's name
ROOM = 560  # characters of a message kept free for the small print
_SPACES = re.compile(r"[^\S\xa0\u202f]+")  # white space, except the kinds that keep a number and its unit on one line
_DIALECT = DiscordDialect()


def new_answer() -> Stream[str]:
    """The messages of a growing answer, each with room for its small print."""
    return stream(LIMIT - ROOM)


def content(view: View, language: str = "") -> str:
    """The message's text, and the bot's own sentences below it in Discord's small print, in the place's language."""
    is_silent = view.state in {"waiting", "writing"} and not view.chunk
    notice = view.notice or (say("thinking").in_language(language) if is_silent else "")
    model = view.model if view.is_last else ""
    lines = [_plain(notice, LONGEST_NOTICE), _plain(model, LONGEST_LINE)]
    small = "\n".join(f"-# {line}" for line in lines if line)
    return f"{view.chunk}\n{small}".strip() or f"-# {say('nothing').in_language(language)}"


def controls(turn: str, view: View, nonce: str = "", language: str = "") -> discord.ui.View | None:
    wanted = actions(view)
    return buttons(turn, wanted, nonce, language) if wanted else None


def actions(view: View) -> tuple[Action, ...]:
    """The buttons under the last message: Stop while the answer grows; afterwards Regenerate, votes and As file."""
    if not view.is_last:
        return ()
    if view.state in {"waiting", "writing"}:
        return ("stop",)
    has_answer = view.chunk and view.state != "failed"
    return ("redo", "up", "down", "file") if has_answer else ("redo", "up", "down")


def _plain(line: str, most: int) -> str:
    text = _DIALECT.escape(_SPACES.sub(" ", line).strip())
    return text if len(text) <= most else f"{text[: most - 1]}…"
