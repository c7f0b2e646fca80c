"""Code colours as CSS classes, by Pygments; the page's style sheet gives them their colours.

Run as a script, it is the process that `painter` sends code to: a line of JSON in, `[language, code]`, a line of JSON
out, the HTML. Pygments' lexers are patterns that may backtrack without end, so each line has its processor time; who
takes longer is ended by the kernel.
"""

import json
import resource
import signal
import sys
from html import escape

from pygments import highlight as pygments_highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

# Seconds of the processor per piece of code: ten times what the largest one needs in common languages.
MOST_CPU_S = 0.5
# Bytes of address space: Pygments with its lexers takes a tenth of it.
MOST_MEMORY = 1 << 29
_FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True)


def highlight(code: str, language: str) -> str:
    """Return the code as HTML: escaped, and coloured where the language is known. May take for ever."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
        return pygments_highlight(code, lexer, _FORMATTER)
    except (ClassNotFound, RecursionError, MemoryError):
        return escape(code)


def style_sheet(selector: str, style: str = "default") -> str:
    """The CSS rules for the classes that `highlight` writes, below `selector`."""
    return str(HtmlFormatter(style=style).get_style_defs(selector))  # type: ignore[no-untyped-call]  # stubs leave it out


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    for line in sys.stdin:
        language, code = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)  # its signal, unhandled, ends the process
        html = highlight(code, language)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(html) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
