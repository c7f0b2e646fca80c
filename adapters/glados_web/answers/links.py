"""Links and images on the page: a link always shows where it leads, and the page never loads an image unasked."""

from collections.abc import Sequence
from html import escape

from glados_bots.markdown.links import hidden_host, safe_url, shown_host
from glados_bots.markdown.tree import Image, Run, Span


def link_tags(span: Span, label: Sequence[Run]) -> tuple[str, str]:
    """Return the opening and the closing tag of a link; two empty strings if its address is not safe.

    Where the label could name another host, the real host stands before the closing tag.
    """
    address = safe_url(span.url)
    if address is None:
        return "", ""
    tooltip = f' title="{escape(span.title)}"' if span.title else ""
    shown = shown_host(span, label, address)
    if not shown and not any(run.text.strip() for run in label if run.kind != "html"):
        shown = address
    return f'<a href="{escape(address)}"{tooltip}>', f"{escape(shown)}</a>"


def image_link(image: Image) -> str:
    """Return a link to an image: an image loaded unasked would let an answer send what it knows to any address."""
    label = image.text or image.title
    address = safe_url(image.url)
    if address is None or any(span.kind == "link" for span in image.spans):
        return escape(label)
    host = hidden_host(label, address)
    shown = f"{label} ({host})" if host else label or address
    return f'<a class="image" href="{escape(address)}">{escape(shown)}</a>'
