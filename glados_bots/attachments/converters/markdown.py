"""HTML as markdown: words, links and tables, without scripts and without what a browser hides."""

import re

from bs4 import BeautifulSoup, Comment, Tag
from markdownify import MarkdownConverter

UNSEEN = ["script", "style", "template", "noscript", "head", "svg", "iframe", "object", "canvas", "audio", "video"]
HIDDEN = re.compile(r"display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden", re.IGNORECASE)
SAFE = ("http://", "https://", "mailto:")
CONVERTER = MarkdownConverter(heading_style="ATX", bullets="-", table_infer_header=True)
_BLANK_LINES = re.compile(r"\n{3,}")


def as_markdown(html: str) -> str:
    """The words of a page, with its title first."""
    soup = BeautifulSoup(html, "lxml")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    for tag in [*soup.find_all(UNSEEN), *soup.find_all(_is_hidden)]:
        tag.decompose()
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for link in soup.find_all("a"):
        if not str(link.get("href", "")).lower().startswith(SAFE):
            link.unwrap()
    for image in soup.find_all("img"):
        image.replace_with(str(image.get("alt", "")))
    text = CONVERTER.convert_soup(soup)
    return _BLANK_LINES.sub("\n\n", f"{title}\n\n{text}" if title else text).strip()


def _is_hidden(tag: Tag) -> bool:
    return tag.has_attr("hidden") or bool(HIDDEN.search(str(tag.get("style", ""))))
