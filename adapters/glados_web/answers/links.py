"""Links and images as the page shows them: never where they seem to lead elsewhere, never loaded unasked."""

from collections.abc import Sequence
from html import escape

from glados_bots.markdown.links import hidden_host, safe_url, shown_host
from glados_bots.markdown.tree import Image, Run, Span


def link_tags(span: Span, label: Sequence[Run]) -> tuple[str, str]:
    """The tags of a link, the closing one after the host it leads to, where its label could name another one.

    Two empty texts for what must not be a link.
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
    """A link to an image: loading it unasked would let an answer call any address with what it knows."""
    label = image.text or image.title
    address = safe_url(image.url)
    if address is None or any(span.kind == "link" for span in image.spans):
        return escape(label)
    host = hidden_host(label, address)
    shown = f"{label} ({host})" if host else label or address
    return f'<a class="image" href="{escape(address)}">{escape(shown)}</a>'
