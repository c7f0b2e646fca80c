"""Raw HTML of an answer. A tag becomes text if its element would reach to the page's end, or nest too deep.

Links and images in it follow the same rules as those of markdown. Sanitising comes after.
"""

import re
from html import unescape

from glados_bots.markdown.pairs import TOKEN, image, link
from glados_bots.markdown.tags import MAX_OPEN, RAW_TEXT, opens_element, tag_name
from glados_bots.markdown.tree import Run, Span
from glados_web.answers.links import image_link, link_tags

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)(?=[\s/>]|\Z)")


class Nesting:
    """Counts the open elements. Beyond MAX_OPEN no other may open, because sanitising looks at all of them."""

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth

    def takes(self, name: str, *, is_end: bool) -> bool:
        """Count a tag. Return False if it must become text."""
        if is_end:
            self.depth = max(0, self.depth - 1)
        elif opens_element(name):
            if self.depth >= MAX_OPEN:
                return False
            self.depth += 1
        return True


def allowed(html: str, depth: int = 0) -> str:
    """Escape the tags of a raw HTML block that must have no effect. `depth` elements are open before it."""
    ends = {match[2].lower(): match.start() for match in _TAG.finditer(html) if match[1]}
    nesting = Nesting(depth)

    def written(match: re.Match[str]) -> str:
        name, is_end = match[2].lower(), bool(match[1])
        has_no_end = not is_end and name in RAW_TEXT and ends.get(name, -1) < match.start()
        return "&lt;" + match[0][1:] if has_no_end or not nesting.takes(name, is_end=is_end) else match[0]

    return _TAG.sub(written, html)


def with_links(html: str) -> str:
    """Return the raw HTML with its links and images rewritten. Every `<a>` in it must have its `</a>`."""
    reader = _Reader()
    position = 0
    for match in TOKEN.finditer(html):
        reader.text(html[position : match.start()])
        reader.tag(match[0])
        position = match.end()
    reader.text(html[position:])
    return "".join(reader.pieces)


class _Reader:
    """Reads text and tags in order. It writes the opening tag of a link once the label is complete."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._links: list[Span] = []
        self._begin = 0
        self._label: list[str] = []

    def text(self, html: str) -> None:
        self.pieces.append(html)
        if self._links:
            self._label.append(unescape(html))

    def tag(self, tag: str) -> None:
        match tag_name(tag), tag.startswith("</"):
            case "a", False:
                self._open(link(tag))
            case "a", True:
                self._close()
            case "img", _:
                self.text(image_link(image(tag, tuple(self._links))))
            case _:
                self.pieces.append(tag)

    def _open(self, span: Span) -> None:
        """Open a link. A link within a link only adds to the outer label."""
        self._links.append(span)
        if len(self._links) == 1:
            self._begin, self._label = len(self.pieces), []
            self.pieces.append("")

    def _close(self) -> None:
        span = self._links.pop() if self._links else None
        if span and not self._links:
            self.pieces[self._begin], closing = link_tags(span, [Run("text", "".join(self._label))])
            self.pieces.append(closing)
