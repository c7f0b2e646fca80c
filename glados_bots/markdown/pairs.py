"""Decides which tags of raw HTML are markup: a tag without its partner is a word, as in "Use <script> to load it"."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from html import unescape

from glados_bots.markdown.tags import BREAKS, MAX_OPEN, RAW_TEXT, VOID, is_html, tag_name
from glados_bots.markdown.tree import Image, Run, Span, Spans

# A tag ends before the next `<`, even within quotes, so that no part of an endless tag is read twice.
TOKEN = re.compile(r"<!--.*?(?:-->|\Z)|</?[A-Za-z](?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*+>|<[!?][^<>]*+>", re.DOTALL)
_ATTRIBUTE = re.compile(r"\s([A-Za-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_BARE = re.compile(r"</?[A-Za-z0-9-]+\s*>")
# A browser hides these elements or does not read their content as markup, so writers rarely mean them in prose.
_HARDLY_MEANT = RAW_TEXT | {"template", "noscript"}
# In a block of raw HTML, a later block or the next element may close these.
_STRUCTURE = frozenset(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form"
    " h1 h2 h3 h4 h5 h6 head header hgroup html li main menu nav ol optgroup option p picture pre search section"
    " select summary svg table tbody td tfoot th thead tr ul video audio".split()
)


def attributes(tag: str) -> dict[str, str]:
    """The attributes of a tag, their names in lower case."""
    return {match[1].lower(): unescape(match[2] or match[3] or match[4] or "") for match in _ATTRIBUTE.finditer(tag)}


def link(tag: str) -> Span:
    """The span that an `<a>` tag opens; its address is empty if the tag has none."""
    found = attributes(tag)
    return Span("link", found.get("href", ""), found.get("title", ""))


def image(tag: str, spans: Spans) -> Image:
    found = attributes(tag)
    return Image("image", found.get("alt", ""), spans, found.get("src", ""), found.get("title", ""))


def settled(runs: list[Run]) -> list[Run]:
    """The runs with links for `<a href>`, images for `<img src>`, and tags without a partner as text.

    Each run of kind `html` is one tag, one comment or one declaration.
    """
    tags = [(index, run.text) for index, run in enumerate(runs) if run.kind == "html"]
    partners = _partners(tags, lambda name, place: name not in _HARDLY_MEANT or not _goes_on(runs, place))
    read: list[Run] = []
    around: Span | None = None
    for index, run in enumerate(runs):
        name = tag_name(run.text) if index in partners else ""
        if name == "a":
            opened = link(run.text) if around is None and not run.text.startswith("</") else None
            around = opened if opened and opened.url else None
            continue
        spans = run.spans if around is None else _within(around, run)
        if name == "img":
            read.append(image(run.text, spans))
        elif run.kind == "html" and index not in partners:
            read.append(replace(run, kind="text", spans=spans))
        else:
            read.append(run if around is None else replace(run, spans=spans))
    return read


def settled_html(html: str) -> str:
    """A block of raw HTML in which `&lt;` replaces the `<` of non-tags, and of tags in prose without a partner."""
    found = list(TOKEN.finditer(html))
    partners = _partners(
        ((match.start(), match[0]) for match in found), lambda name, _: name != "plaintext"
    )  # nothing closes `plaintext`
    pieces: list[str] = []
    position = 0
    for match in found:
        if match.start() not in partners and tag_name(match[0]) not in _STRUCTURE:
            pieces += [html[position : match.start()], "&lt;"]
            position = match.start() + 1
    return "".join([*pieces, html[position:]])


def end_tags(text: str, *, are_likely: bool = False) -> str:
    """Closing tags for the elements that are open at the end of a paragraph of markdown.

    With `are_likely`, only for tags that text follows without a space: "a <main> element" is prose without an end.
    """
    opened: dict[int, str] = {}
    places: defaultdict[str, list[int]] = defaultdict(list)
    ticks = position = 0
    for match in TOKEN.finditer(text):
        ticks += text.count("`", position, match.start())
        position, name = match.start(), tag_name(match[0])
        if ticks % 2 or not name or not is_html(match[0]) or name in VOID | BREAKS or match[0].endswith("/>"):
            continue
        if match[0].startswith("</"):
            opened.pop(places[name].pop() if places[name] else -1, None)
        elif len(opened) < MAX_OPEN and not (are_likely and text[match.end() : match.end() + 1].isspace()):
            opened[match.start()] = name
            places[name].append(match.start())
    return "".join([f"</{name}>" for name in reversed(opened.values())])


def _partners(tags: Iterable[tuple[int, str]], may_pair: Callable[[str, int], bool]) -> set[int]:
    """The places of the tags that are markup: those that need no partner, and those with a partner."""
    kept: set[int] = set()
    opened: defaultdict[str, list[int]] = defaultdict(list)
    for place, tag in tags:
        name = tag_name(tag)
        if not is_html(tag):
            continue
        if not name or name in BREAKS or (name in VOID and not _BARE.fullmatch(tag)):
            kept.add(place)
        elif tag.endswith("/>") or name in VOID or not may_pair(name, place):
            continue
        elif not tag.startswith("</"):
            opened[name].append(place)
        elif opened[name]:
            kept |= {opened[name].pop(), place}
    return kept


def _goes_on(runs: list[Run], tag: int) -> bool:
    """Whether the sentence continues after an opening tag, as in "from <script> to </script>"."""
    is_opening = not runs[tag].text.startswith("</")
    return is_opening and all(run.text[:1].isspace() for run in runs[tag + 1 : tag + 2])


def _within(link: Span, run: Run) -> Spans:
    return (link, *(span for span in run.spans if span.kind != "link"))
