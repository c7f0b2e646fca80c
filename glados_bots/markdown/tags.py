"""Raw HTML in an answer: which tags are HTML at all, and which are mentions of a chat platform."""

import re

_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)")
# Slack's broadcasts look like declarations.
_MENTION = re.compile(r"<!(?:channel|here|everyone|subteam|date)\b", re.IGNORECASE)
_KNOWN = frozenset(
    "a abbr acronym address applet area article aside audio b base bdi bdo big blockquote body br button canvas"
    " caption center cite code col colgroup data datalist dd del details dfn dialog div dl dt em embed fieldset"
    " figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img"
    " input ins kbd label legend li link main map mark marquee math menu meta meter nav noframes noscript object ol"
    " optgroup option output p param picture plaintext pre progress q rp rt ruby s samp script search section select"
    " slot small source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead"
    " time title tr track tt u ul var video wbr xmp".split()
)

# GFM's disallowed raw HTML (spec 6.11): a browser reads these to their closing tag, or to the end of the page.
RAW_TEXT = frozenset("title textarea style xmp iframe noembed noframes script plaintext".split())
# Deeper nested elements are not counted.
MAX_OPEN = 32
# These tags need neither a partner nor attributes.
BREAKS = frozenset({"br", "hr", "wbr"})
VOID = frozenset("area base col embed img input link meta param source track".split())
_NEVER_OPEN = BREAKS | VOID | frozenset("p li dt dd td th tr".split())
# The beginning of a block of raw HTML, kinds 1 to 6 of CommonMark's specification (4.6).
_BLOCK = re.compile(
    r" {0,3}<(?:[!?]|/?(?:address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details"
    r"|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe"
    r"|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|pre|script|search|section|style"
    r"|summary|table|tbody|td|textarea|tfoot|th|thead|title|tr|track|ul)(?:[\s/>]|\Z))",
    re.IGNORECASE,
)


def tag_name(html: str) -> str:
    """The name of the tag at the beginning of `html`, in lower case; empty for comments and declarations."""
    match = _TAG.match(html)
    return match[1].lower() if match else ""


def is_html(html: str) -> bool:
    """Whether this is HTML, and neither a type such as `Vec<String>`, which only looks like a tag, nor a mention."""
    match = _TAG.match(html)
    if match is None:
        return not is_mention(html)
    name = match[1]
    return name.lower() in _KNOWN and (name.islower() or (name.isupper() and len(name) > 1))


def begins_block(text: str) -> bool:
    """Whether a block with this beginning is raw HTML, which contains no markdown."""
    return _BLOCK.match(text) is not None and not is_mention(text.lstrip())


def is_mention(html: str) -> bool:
    """Whether this begins like one of Slack's broadcasts, which look like declarations."""
    return _MENTION.match(html) is not None


def opens_element(name: str) -> bool:
    """Whether a tag with this name, in lower case, opens an element that stays open until a tag closes it."""
    return name in _KNOWN and name not in _NEVER_OPEN


def open_tags(html: str, already: list[str]) -> list[str]:
    """The elements that are open after a block of raw HTML, outermost first; `already` are the ones open before it."""
    opened = list(already)
    for match in _TAG.finditer(html):
        name = match[1].lower()
        if not opens_element(name):
            continue
        if not match[0].startswith("</"):
            if len(opened) < MAX_OPEN:
                opened.append(name)
        elif name in opened:
            del opened[len(opened) - 1 - opened[::-1].index(name) :]
    return opened
