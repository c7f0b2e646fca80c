"""Raw HTML on its way to the page: what a browser would read to the page's end, or nest without end, becomes text."""

import re

from glados_bots.markdown.tags import MAX_OPEN, opens_element

# GFM's disallowed raw HTML (spec 6.11): what a browser reads to the end of the page is text, unless it ends before.
RAW_TEXT = frozenset("title textarea style xmp iframe noembed noframes script plaintext".split())
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)(?=[\s/>]|\Z)")


def allowed(html: str, depth: int = 0) -> str:
    """A block of raw HTML with the tags escaped that must not act.

    `depth` elements are open before it; beyond MAX_OPEN no other is opened, as sanitising looks at all of them.
    """
    ends = {match[2].lower(): match.start() for match in _TAG.finditer(html) if match[1]}

    def written(match: re.Match[str]) -> str:
        nonlocal depth
        name = match[2].lower()
        if match[1]:
            depth = max(0, depth - 1)
        elif name in RAW_TEXT and ends.get(name, -1) < match.start():
            return "&lt;" + match[0][1:]
        elif opens_element(name):
            if depth >= MAX_OPEN:
                return "&lt;" + match[0][1:]
            depth += 1
        return match[0]

    return _TAG.sub(written, html)
