"""Links and images of raw HTML, by the same rules as those of markdown. Sanitising comes after."""

from html import unescape

from glados_bots.markdown.pairs import TOKEN, attributes
from glados_bots.markdown.tags import tag_name
from glados_web.answers.links import image_link, link_tags


def with_links(html: str) -> str:
    """A block of raw HTML, in which every `<a>` has a partner."""
    reader = _Reader()
    position = 0
    for match in TOKEN.finditer(html):
        reader.text(html[position : match.start()])
        reader.tag(match[0])
        position = match.end()
    reader.text(html[position:])
    return reader.html()


class _Reader:
    """Reads text and tags in order. Within a link, what it shows is kept until its label is known."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._links: list[dict[str, str]] = []
        self._begin = 0
        self._label: list[str] = []

    def text(self, html: str) -> None:
        self._pieces.append(html)
        if self._links:
            self._label.append(unescape(html))

    def tag(self, tag: str) -> None:
        match tag_name(tag), tag.startswith("</"):
            case "a", False:
                self._open(attributes(tag))
            case "a", True:
                self._close()
            case "img", _:
                self._image(attributes(tag))
            case _:
                self._pieces.append(tag)

    def html(self) -> str:
        return "".join(self._pieces)

    def _open(self, found: dict[str, str]) -> None:
        """A link within a link is its label."""
        self._links.append(found)
        if len(self._links) == 1:
            self._begin, self._label = len(self._pieces), []
            self._pieces.append("")

    def _close(self) -> None:
        if not self._links:
            return
        found = self._links.pop()
        if not self._links:
            label = "".join(self._label)
            self._pieces[self._begin], closing = link_tags(found.get("href", ""), label, title=found.get("title", ""))
            self._pieces.append(closing)

    def _image(self, found: dict[str, str]) -> None:
        label = found.get("alt") or found.get("title") or ""
        if self._links:
            self.text(image_link("", label))
        else:
            self._pieces.append(image_link(found.get("src", ""), label))
