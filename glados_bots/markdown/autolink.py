"""Turns bare addresses in the text into links, by the rules of GFM's extended autolinks (spec 6.9)."""

import re
from collections.abc import Iterator

from glados_bots.markdown.tree import Run, Span, Spans

# A domain needs a dot, and no underscore in its last two parts.
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9])(?:(?P<scheme>https?://)|www\.)(?P<domain>[^\s<>/?#:\"'`()\[\]]+)(?P<rest>[^\s<]*)"
    r"|(?P<mail>(?<![\w.+-])(?:mailto:)?[\w.+-]+@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)",
    re.IGNORECASE | re.ASCII,
)
_AUTHORITY = re.compile(r"[^/?#:]*")
_TRAILING = "?!.,:*_~'\""
_BRACKETS = {")": "(", "]": "["}
_ENTITY = re.compile(r"&[A-Za-z0-9]+;\Z")
_LONGEST_ENTITY = 33  # characters of HTML's longest entity, with `&` and `;`
# Full-width punctuation ends an address: CJK prose has no space there.
_CJK_END = re.compile(r"[\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]")


def linked(text: str, spans: Spans) -> list[Run]:
    """Split a text that is in no link into runs, with bare addresses as links. The runs join to `text`."""
    runs: list[Run] = []
    position = 0
    for match in _found(text):
        found = _mail(match) if match["mail"] else _trim(match)
        if not found or match.start() < position:
            continue
        address, url = found
        if match.start() > position:
            runs.append(Run("text", text[position : match.start()], spans))
        position = match.start() + len(address)
        runs.append(Run("text", address, (*spans, Span("link", url, bare=True))))
    if position < len(text) or not runs:
        runs.append(Run("text", text[position:], spans))
    return runs


def _found(text: str) -> Iterator[re.Match[str]]:
    """Addresses in order. If only a scheme can begin one, search for the scheme, which is faster."""
    if "@" in text or "www." in text.lower():
        yield from _ADDRESS.finditer(text)
        return
    place = text.find("://")
    while place >= 0:
        start = place - (5 if text[place - 1 : place] in {"s", "S"} else 4)
        match = _ADDRESS.match(text, start) if start >= 0 else None
        if match:
            yield match
        place = text.find("://", match.end() if match else place + 3)


def without_trailing(address: str) -> str:
    """The address without punctuation of the sentence, unbalanced closing brackets and entities at its end."""
    end = len(address)
    if address[-1:].isalnum() or address[-1:] == "/":
        return address
    surplus = {last: address.count(last) - address.count(first) for last, first in _BRACKETS.items()}
    while end:
        last = address[end - 1]
        if last == ";":
            entity = _ENTITY.search(address, max(0, end - _LONGEST_ENTITY), end)
            end = entity.start() if entity else end - 1
        elif surplus.get(last, 0) > 0:
            surplus[last] -= 1
            end -= 1
        elif last in _TRAILING:
            end -= 1
        else:
            break
    return address[:end]


def _mail(match: re.Match[str]) -> tuple[str, str] | None:
    address = match["mail"].rstrip(".")
    if address[-1] in "-_":
        return None
    return address, address if address.lower().startswith("mailto:") else f"mailto:{address}"


def _trim(match: re.Match[str]) -> tuple[str, str] | None:
    """(address, URL) without punctuation of the sentence at the end; None if this is not an address."""
    address = match[0]
    end = _CJK_END.search(address)
    if end:
        address = address[: end.start()]
    address = without_trailing(address)
    scheme = match["scheme"] or ""
    domain = _AUTHORITY.match(address, len(scheme))[0]  # type: ignore[index]  # it may be empty
    parts = domain.split(".")
    if not domain or "_" in "".join(parts[-2:]):
        return None
    if not scheme and len(parts) < 3 and not parts[-1]:  # noqa: PLR2004 - `www.` alone
        return None
    return address, address if scheme else f"http://{address}"
