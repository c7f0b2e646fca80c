"""The last gate before the page: only known tags, attributes and link schemes get through (nh3)."""

import re
from collections.abc import Callable

import nh3

_TAGS = frozenset(
    "a abbr b blockquote br caption cite code dd del details dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i input ins kbd li"
    " mark ol p pre q rp rt ruby s samp section small span strong sub summary sup table tbody td tfoot th thead tr u"
    " ul var".split()
)
_ATTRIBUTES = {
    "a": {"href", "title", "class"},
    "abbr": {"title"},
    "code": {"class"},
    "details": {"open"},
    "input": {"checked", "disabled", "type"},
    "li": {"value"},
    "ol": {"start"},
    "p": {"class"},
    "section": {"class"},
    "span": {"class"},
    "sup": {"class"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
}
# Our classes, a code block's language, and Pygments' short names: no answer may look like another part of the page.
_CLASS = re.compile(r"(?:image|alert|note|notes|math|math display|language-[\w.+#;/@*-]{1,40}|[a-z][a-z0-9]{0,2})\Z")


def _filter(_tag: str, attribute: str, value: str) -> str | None:
    if attribute == "class" and not _CLASS.match(value):
        return None
    return value


def _cleaner(attribute_filter: Callable[[str, str, str], str | None] | None) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_TAGS),
        clean_content_tags={"script", "style", "iframe", "noscript", "template", "title", "svg", "math"},
        attributes=_ATTRIBUTES,
        attribute_filter=attribute_filter,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        link_rel="nofollow noopener noreferrer",
        set_tag_attribute_values={"input": {"type": "checkbox", "disabled": ""}, "a": {"target": "_blank"}},
    )


_CLEANER = _cleaner(_filter)
# A Python call per class takes longer than all the rest. Without raw HTML, all classes are ours.
_OWN_CLEANER = _cleaner(None)


def sanitize(html: str, *, has_raw_html: bool = True) -> str:
    """Return the HTML without anything that could run, load a resource or change the page's style.

    Without `has_raw_html` all classes are ours, so no class is checked.
    """
    return (_CLEANER if has_raw_html else _OWN_CLEANER).clean(html)
