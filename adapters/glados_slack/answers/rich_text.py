"""Inline content as elements of a rich_text block. Their text is literal: nothing in it is a mention or a link."""

from glados_bots.markdown.links import safe_url, shown_host
from glados_bots.markdown.tree import Run, Span
from glados_slack.answers.block_kit import Block, literal
from glados_slack.answers.mentions import without_tokens

_STYLES = {"strong": "bold", "em": "italic", "strike": "strike"}


def elements(runs: list[Run]) -> list[Block]:
    found = (_element(runs, index) for index in range(len(runs)))
    return [element for element in found if element]


def _element(runs: list[Run], index: int) -> Block | None:
    """One run; None where nothing of it can be seen."""
    run = runs[index]
    text = "\n" if run.kind in {"soft", "hard"} else run.text
    if run.kind != "code":
        text = without_tokens(text)
        if text and not run.spans:
            return literal(text)
    span = next((span for span in run.spans if span.kind == "link"), None)
    url = safe_url(span.url) if span is not None else None
    if not text and url is None:
        return None
    element = literal(text)
    if span is not None and url is not None:
        is_last = not (index + 1 < len(runs) and span in runs[index + 1].spans)
        host = shown_host(span, _label(runs, index, span), url) if is_last else ""
        element = {"type": "link", "url": url, "text": (text or url) + host}
    style = {_STYLES[inner.kind]: True for inner in run.spans if inner.kind != "link"}
    if run.kind == "code":
        style["code"] = True
    return element | ({"style": style} if style else {})


def _label(runs: list[Run], last: int, span: Span) -> list[Run]:
    """The label of a link that ends with the run number `last`."""
    first = last
    while first > 0 and span in runs[first - 1].spans:
        first -= 1
    return runs[first : last + 1]
