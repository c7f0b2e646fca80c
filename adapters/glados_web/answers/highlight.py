"""Marks code with CSS classes (Pygments). The page's style sheet gives these classes their colours.

Run as a script, this is the process that `painter` sends code to. Each line in is JSON: `[language, code]`. Each line
out is JSON too: the HTML. Pygments' lexers are regular expressions that may backtrack without end, so each line has
MOST_CPU_S of processor time. The kernel ends a process that exceeds it.
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
# Bytes of address space: Pygments with its lexers needs a tenth of it.
MOST_MEMORY = 1 << 29
_FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True)


def highlight(code: str, language: str) -> str:
    """Return the code as HTML: escaped, and coloured if the language is known. This may take forever."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
        return pygments_highlight(code, lexer, _FORMATTER)
    except (ClassNotFound, RecursionError, MemoryError):
        return escape(code)


def style_sheet(selector: str, style: str = "default") -> str:
    """Return the CSS rules for the classes that `highlight` writes, scoped to `selector`."""
    return str(HtmlFormatter(style=style).get_style_defs(selector))  # type: ignore[no-untyped-call]  # stubs leave it out


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    for line in sys.stdin:
        language, code = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)  # we do not handle its signal, so it ends the process
        html = highlight(code, language)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(html) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
