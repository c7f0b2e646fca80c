"""HTML of the examples in the CommonMark and GFM specifications, beside what the specifications ask for.

Both sides are sanitised and read as events. What the page shows otherwise on purpose is evened out first: a line feed
in prose is a break, an image is a link to it, an address without http, https or mailto is no link, code has colours.
What then still differs is listed below with its reason; nothing else may.
"""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from glados_bots.markdown.links import safe_url
from glados_web.answers import markdown as web
from glados_web.answers.sanitize import sanitize

EXAMPLES = json.loads((Path(__file__).parent / "spec_examples.json").read_text(encoding="utf-8"))
INLINE = re.compile(r"</?(?:a|abbr|b|cite|code|del|dfn|em|i|ins|kbd|mark|q|s|samp|small|strong|sub|sup|u|var)\b")
TYPE = "an unknown tag is kept as text: in answers it is a type such as `Vec<String>`"
ADDRESS = "a bare address is a link, by GFM"
ALONE = "each block is sanitised alone: a tag left open ends with it, or is text"
COMMENT = "comments by CommonMark 0.31, not by 0.29"
CELLS = (
    "no cell is lost: the header may have more than the delimiter row, and the last one takes what a row has too many"
)
DIFFERENT = {
    **dict.fromkeys(("gfm-203", "gfm-204", "ext-7", "ext-8"), CELLS),
    **dict.fromkeys((f"commonmark-{number}" for number in (163, 201, 524, 536, 613, 614, 615, 617, 623)), TYPE),
    **dict.fromkeys((f"commonmark-{number}" for number in (602, 606, 608, 611, 612)), ADDRESS),
    **dict.fromkeys(("gfm-610", "gfm-616", "gfm-619"), ADDRESS),
    **dict.fromkeys((f"commonmark-{number}" for number in (21, 31, 148, 150, 165, 167, 173, 187, 344, 476)), ALONE),
    **dict.fromkeys((f"commonmark-{number}" for number in (477, 494, 616, 630, 631, 642, 643)), ALONE),
    "gfm-653": ALONE,
    **dict.fromkeys(("gfm-645", "gfm-646"), COMMENT),
    "commonmark-491": TYPE,
    "commonmark-597": "the scheme is written in small letters",
    "ext-19": "a host of other letters than ASCII's is followed by its name in the network",
    "ext-20": "the example only asks not to crash",
    "ext-22": TYPE,
    "ext-23": "footnotes have no links back",
}


class Events(HTMLParser):
    """Tags with the attributes that matter, and text with its white space evened out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._text = ""
        self._open: list[bool] = []
        self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a":
            self._open.append("href" in values)
            if not self._open[-1]:
                return
        if tag in {"br", "span", "section"}:
            return
        self._flush(f"<{tag}")
        self._pre += tag == "pre"
        kept: dict[str, str] = {
            name: unquote(values[name] or "")
            for name in ("href", "title", "start", "align", "checked")
            if name in values
        }
        if tag == "code" and (values.get("class") or "").startswith("language-"):
            kept["class"] = values["class"] or ""
        self.found.append(f"<{tag} {kept}>")

    def handle_endtag(self, tag: str) -> None:
        if (tag == "a" and not (self._open and self._open.pop())) or tag in {"span", "section"}:
            return
        self._flush(f"</{tag}")
        self._pre -= tag == "pre"
        self.found.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._text += data

    def _flush(self, tag: str) -> None:
        text = self._text if self._pre else re.sub(r"\s+", " ", self._text)
        if not self._pre and not INLINE.match(tag):
            text = text.rstrip()
        before = self.found[-1] if self.found else "<p"
        if not self._pre and before.startswith("<") and not INLINE.match(before):
            text = text.lstrip()
        if text:
            self.found.append(text)
        self._text = ""

    def events(self, html: str) -> list[str]:
        self.feed(html)
        self.close()
        self._flush("</p")
        return self.found


def asked_for(html: str) -> str:
    """The specification's HTML with images as links."""
    return re.sub(r"<img [^>]*>", _image_link, html)


def _image_link(match: re.Match[str]) -> str:
    values = {name: unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', match[0])}
    label = values.get("alt") or values.get("title") or ""
    is_shown = safe_url(values["src"]) is not None
    return f'<a href="{values["src"]}">{label or values["src"]}</a>' if is_shown else label


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
def test_html_is_what_the_specification_asks_for(example: dict[str, Any]) -> None:
    given = Events().events(sanitize(web.render(example["md"])))
    wanted = Events().events(sanitize(asked_for(example["html"])))
    assert (given != wanted) == (example["id"] in DIFFERENT)
