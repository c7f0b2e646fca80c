"""Code colours as CSS classes, by Pygments; the page's style sheet gives them their colours."""

from html import escape

from pygments import highlight as pygments_highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

# Lexing costs about a millisecond for a thousand characters; beyond this the page would wait for colours.
MAX_CHARACTERS = 20_000
_FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True)


def highlight(code: str, language: str) -> str:
    """Return the code as HTML: escaped, and coloured where the language is known and the code not too long."""
    if not language or len(code) > MAX_CHARACTERS:
        return escape(code)
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(code)
    return pygments_highlight(code, lexer, _FORMATTER)


def style_sheet(selector: str, style: str = "default") -> str:
    """The CSS rules for the classes that `highlight` writes, below `selector`."""
    return str(HtmlFormatter(style=style).get_style_defs(selector))  # type: ignore[no-untyped-call]  # stubs leave it out
