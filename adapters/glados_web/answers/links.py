"""Links and images as the page shows them: never where they seem to lead elsewhere, never loaded unasked."""

from collections.abc import Sequence
from html import escape

from glados_bots.markdown.links import hidden_host, safe_url


def link_tags(
    url: str, label: str, *, codes: Sequence[str] = (), title: str = "", may_mislead: bool = True
) -> tuple[str, str]:
    """The tags of a link, the closing one after the host it leads to, where its label could name another one.

    Two empty texts for what must not be a link. `codes` are the parts of the label that are set as code; a label that
    is the address itself may not mislead.
    """
    address = safe_url(url)
    if address is None:
        return "", ""
    host = hidden_host(label, address, codes) if may_mislead else ""
    tooltip = f' title="{escape(title)}"' if title else ""
    shown = f" ({escape(host)})" if host else "" if label.strip() else escape(address)
    return f'<a href="{escape(address)}"{tooltip}>', f"{shown}</a>"


def image_link(url: str, label: str) -> str:
    """A link to an image: loading it unasked would let an answer call any address with what it knows."""
    address = safe_url(url)
    if address is None:
        return escape(label)
    host = hidden_host(label, address)
    shown = f"{label} ({host})" if host else label or address
    return f'<a class="image" href="{escape(address)}">{escape(shown)}</a>'
