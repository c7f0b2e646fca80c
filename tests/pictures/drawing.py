"""A thread as HTML with the look of its platform: our own drawing, without a logo, a font or an image of theirs."""

import re
from functools import partial
from pathlib import Path
from typing import NoReturn

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

from glados_web.answers.highlight import highlight, style_sheet
from tests.pictures.asking import Thread

SMALL = re.compile(r"^(<p>)?-# (.*?)(?=<br />|</p>|$)", re.MULTILINE)  # a line of Discord's small print
MENTION = re.compile(r"&lt;@(\d+)&gt;")
# What Discord's markdown lacks of CommonMark; a line's end is one.
LACKING = ("image", "html_inline", "html_block", "entity", "lheading", "hr", "code", "reference")


def draw(platform: str, thread: Thread) -> str:
    """The page that shows a thread.

    Raises:
        ValueError: the payload holds a kind of block that the drawing does not know.
    """
    values = {"markdown": partial(_discord_markdown, thread.names), "code": _coloured, "refuse": _refuse}
    colours = {"code_light": style_sheet("pre"), "code_dark": style_sheet("pre", "github-dark")}
    return _templates().get_template(f"{platform}.html").render(thread=thread, **values, **colours)


def _templates() -> Environment:
    looks = FileSystemLoader(Path(__file__).parent / "looks")
    return Environment(loader=looks, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _coloured(code: str, language: str) -> Markup:
    return Markup(highlight(code, language))  # noqa: S704 - it escapes


def _refuse(kind: str) -> NoReturn:
    raise ValueError(f"no drawing for {kind!r}: add one to tests/pictures/looks/slack.html")


def _discord_markdown(names: dict[str, str], text: str) -> Markup:
    def with_mentions(_: RendererHTML, tokens: list[Token], index: int, *__: object) -> str:
        pill = r'<span class="mention">@{}</span>'
        return MENTION.sub(lambda found: pill.format(escape(names[found[1]])), str(escape(tokens[index].content)))

    def coloured(code: str, language: str, _: str) -> str:
        return highlight(code, language)

    parser = MarkdownIt("commonmark", {"breaks": True, "highlight": coloured})
    parser.disable(list(LACKING)).enable("strikethrough")
    parser.add_render_rule("text", with_mentions)
    return Markup(SMALL.sub(r"\1<small>\2</small>", parser.render(text)))  # noqa: S704 - it escapes
