"""Everything here that takes text of people, models or servers, and may hold up a process over it.

Add a line for each new function: its name and a call with the text.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from glados_bots import admins, logs, retention
from glados_bots.attachments import fitting, plain_text
from glados_bots.attachments.contents import Contents
from glados_bots.attachments.sniffing import sniffed
from glados_bots.cli.terminal import plain
from glados_bots.commands import first_word
from glados_bots.conversation import Message
from glados_bots.errors import GladosError
from glados_bots.files_out import answer as files_out
from glados_bots.files_out.names import safe
from glados_bots.files_out.tables import csv_of
from glados_bots.files_out.titles import title
from glados_bots.inference.decoding.detokenizer import Detokenizer
from glados_bots.inference.prompts.channels import CHANNEL, CLOSE, MESSAGE, OPEN, START, Brackets, Channels, Harmony
from glados_bots.inference.prompts.formats import glados_turns, harmless
from glados_bots.intake.addressing import is_nothing, named
from glados_bots.markdown.autolink import linked
from glados_bots.markdown.drawing.chat import render_chat
from glados_bots.markdown.drawing.math import unicode_math
from glados_bots.markdown.drawing.packer import MIN_LIMIT
from glados_bots.markdown.links import hidden_host, safe_url
from glados_bots.markdown.mending.mend import mend
from glados_bots.markdown.parsing.parser import parse
from glados_bots.markdown.streaming.unfinished import finish
from glados_bots.markdown.tree import Code, Paragraph, Run, Table
from glados_bots.settings import words
from glados_bots.surface import FileLimits, TableLimits
from glados_bots.wire import model_list
from glados_bots.wire.event_stream import EventStream
from glados_bots.wire.reasoning import Quote, Reasoning, Unopened
from glados_bots.wire.refusals import refusal
from glados_bots.wire.reply import Reply
from glados_discord.answers import markdown as discord
from glados_discord.incoming import questions as discord_questions
from glados_discord.words.heard import Content, says
from glados_discord.words.tokens import Names, readable
from glados_slack import settings as slack_settings
from glados_slack.answers import markdown as slack
from glados_slack.answers.markup import MarkdownDialect
from glados_slack.incoming import earlier
from glados_slack.words import text as text_in
from glados_slack.words.said import said
from glados_web.answers import markdown as page
from glados_web.search.folding import fold
from glados_web.search.snippets import snippet

Take = Callable[[str], object]
FILE_LIMITS = FileLimits(TableLimits(2, 2, 20, 20), code_lines=2)
PIECE = 24  # characters that come at a time
SPECIALS = ("<|endoftext|>", "<|im_start|>", "</s>")


def pieces(text: str) -> list[str]:
    """A text as it comes over a wire."""
    return [text[place : place + PIECE] for place in range(0, len(text), PIECE)]


def reasoned(text: str) -> object:
    """An answer of a model that thinks first, and of one whose prompt began the thought, shown as a quote."""
    readers, quote = [Reasoning(), Reasoning(begun=True)], Quote(show=True)
    unopened = Unopened(show=True)
    found = [[each.feed(piece) for piece in pieces(text)] + [each.close()] for each in readers]
    shown = [quote.feed(piece) for reader in found for part in reader for piece in part]
    return shown, [list(unopened.feed(piece)) for piece in pieces(text)], list(unopened.close())


def channelled(text: str) -> object:
    """Reasoning between special tokens, in both ways to write it."""
    coded = text.translate({ord("<"): OPEN, ord("\n"): CLOSE, ord("*"): START, ord("`"): MESSAGE, ord(" "): CHANNEL})
    ways: list[Channels] = [Harmony(), Brackets(has_name=True)]
    return [[way.feed(piece) for piece in pieces(coded)] for way in ways]


class Pieces:
    """A tokenizer whose tokens are the pieces of a text."""

    def __init__(self, text: str) -> None:
        self.pieces = pieces(text)

    def decode(self, tokens: Sequence[int], **_: Any) -> str:
        """As transformers' method."""
        return "".join([self.pieces[token] for token in tokens])


def detokenized(text: str) -> object:
    """Tokens to text, with a stop string."""
    tokenizer = Pieces(text)
    detokenizer = Detokenizer(tokenizer, ["\n\nUser :\n"])
    return [detokenizer.feed([token]) for token in range(len(tokenizer.pieces))], detokenizer.close()


def parsed_events(text: str) -> object:
    """What another server streams."""
    stream = EventStream()
    try:
        return [list(stream.feed(piece.encode("utf-8", "replace"))) for piece in pieces(text)], list(stream.close())
    except GladosError as error:
        return error


def replied(text: str) -> object:
    """A word of another server's reasoning at a time, then of its answer."""
    reply = Reply(show_reasoning=True)
    deltas = [{field: piece} for field in ("reasoning_content", "content") for piece in pieces(text)]
    events = [f"data: {json.dumps({'choices': [{'delta': delta}]})}\n\n" for delta in deltas]
    return [list(reply.feed(event.encode())) for event in events]


def read_on_discord(text: str) -> object:
    """A question of Discord."""
    return says(Content(readable(text, Names())))


def read_on_slack(text: str) -> object:
    """A question of Slack."""

    async def name(some_id: str) -> str:
        return some_id

    return asyncio.run(text_in.read(text, "U1", "GLaDOS", name))


def logged(text: str) -> object:
    """A line of the log in both forms."""
    record = logging.LogRecord("glados_bots", logging.INFO, "", 0, text.replace("%", ""), (), None)
    return [form.format(record) for form in (logs.TextLines(), logs.JsonLines(), logs.RoleLines())]


def checked(check: Callable[[str], object]) -> Take:
    """A setting, which may be refused."""

    def take(text: str) -> object:
        try:
            return check(text)
        except ValueError as error:
            return error

    return take


# Renderers, with messages so small that each text needs several.
RENDERERS: dict[str, Take] = {
    "discord": lambda text: discord.render(text, MIN_LIMIT),
    "slack mrkdwn": lambda text: slack.render(text, MIN_LIMIT),
    "slack blocks": lambda text: slack.render_blocks(text, MIN_LIMIT),
    "slack markdown": lambda text: render_chat(text, MarkdownDialect(), MIN_LIMIT),
    "page": page.render,
}
# All else; what a renderer is made of is here too, as more of it can be asked than of the whole.
OTHERS: dict[str, Take] = {
    # parts of renderers
    "parser": parse,
    "repairs": mend,
    "unfinished end": finish,
    "link finder": lambda text: linked(text, ()),
    "hidden host": lambda text: hidden_host(text, "https://e.org", [text]),
    "hidden host after another": lambda text: hidden_host(f"a.b {text}", "https://e.org"),
    "search": fold,
    "search, shown": lambda text: snippet(text, ["a"]),
    "safe address": lambda text: safe_url("https://e.org/" + text),
    "formula": unicode_math,
    # files that are given back
    "files of an answer": lambda text: files_out.shown(text, FILE_LIMITS, lambda shown: [shown], ""),
    "name of a file": safe,
    "name of code": lambda text: title(Code(text, text), Paragraph([Run("text", text), Run("code", text)])),
    "cell of a sheet": lambda text: csv_of(Table(("None",), [[[Run("text", f"-{text}")]]])),
    # questions
    "Discord's mentions": read_on_discord,
    "Discord's titles": lambda text: discord_questions.title(text, "A question"),
    "Slack's mentions": read_on_slack,
    "Slack, for others": lambda text: text_in.is_for_others(text, "U1"),
    "Slack's earlier messages": lambda text: earlier.quoted_in("Earlier in this thread:\n" + text),
    "text file": lambda text: plain_text.decoded(text.encode("utf-8", "replace")),
    "text file, quoted": lambda text: fitting.quoted("a.log", text),
    "file's name": fitting.safe_name,
    "files of an earlier question": lambda text: fitting.retold(f"({fitting.SEEN}{text}", is_seen=False),
    "file's kind": lambda text: sniffed(text.encode("utf-8", "replace")),
    "files in a question": lambda text: fitting.fitted([(text, Contents(text=text))] * 2, 10_000, 8),
    "what is said on Slack": lambda text: said({"text": text, "attachments": [{"text": text, "title": text}]}),
    "nothing asked": is_nothing,
    "others' lines": lambda text: named("ada", text),
    "command": first_word,
    # the model's side
    "role lines": lambda text: glados_turns([Message("user", text)], SPECIALS),
    "control tokens": lambda text: harmless(text, SPECIALS),
    "reasoning": reasoned,
    "channels of reasoning": channelled,
    "detokenizer": detokenized,
    "event stream": parsed_events,
    "another server's answer": replied,
    "list of models": lambda text: model_list.read(json.dumps({"data": [{"id": text}]}).encode()),
    "refusal": lambda text: refusal(400, json.dumps({"error": {"message": text}}).encode(), {}),
    "log": logged,
    "terminal": plain,
    # settings
    "admins": checked(lambda text: admins.Admins.parse(admins.check(text))),
    "retention": checked(retention.parse),
    "lists": checked(words),
    "Slack's lists": checked(slack_settings.ids),
}
