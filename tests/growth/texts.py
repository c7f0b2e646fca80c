"""Texts made to be dear: each unit is repeated until the text is long enough. Add a line for each new construct."""

from collections.abc import Callable
from functools import partial
from itertools import product

UNITS = (
    # prose, and what Unicode makes of it
    "a", "a ", "a\n", "a\n\n", " ", "\n", "\n\n", "\t", "\r\n", "\0", "a-", "a.", "1. ", "é", "字", "，",
    "「**重点**」", "\u0301\u0316",
    "a\u0301", "\u0301", "\u200b", "👩\u200d", "🇩🇪", "\u1100", "\ud800", "\ufffd", "\ue0f1", "User :\n", "\nUser",
    # emphasis and code
    "*", "_", "~", "**a ", "*a ", "_a ", "~~a ", "~a ", "a**b_c*", "**_~~", "**a** ", "***a", "`", "`a``b ", "` ` ``",
    "```\n", "```a\n", "```md\n", "```md\n```a\n```\n```\n", "~~~\n", "    a\n",
    # links and addresses
    "[", "](", "[](", "![", "[a](b) ", "[a](b(", '[a](b "', "[[a]", "![[]()", "[a]", "[a]: b\n", "[^1]", "[^1]: a\n",
    "[a.b](http://e.org) ", "[`a.b`](http://e.org) ", "<https://e.org>", "://", "x://", "http://", "http://a_",
    "http://a;", "http://a)", "http://a.b/((", "*http://a*", "(http://a)", "www.", "www.a?", "a@b.c ", "a.a@", "a@b.",
    "a-b@c_d.", "mailto:", "paypal.com ",
    # mentions
    "@", "@everyone", "<@1>", "<@U1>", "<@U1> ", "<#1>", "<!here>", "<:a", "<t:1:R>", "||a||",
    # raw HTML
    "<", "</", "<b>x ", "</b>", "<b></p>", "<b>x</b> ", "<code>a", "<br>", "<li>a", "<a href='", '<a "<', "<b ", "<!--",
    "<?", "<!x ", "<![CDATA[", "<div>\n", "<div>\n\n", "<div>a</div>\n\n", "<details>\n\n", "<title>", "<ul><li>", "&",
    "&#", "&amp;",
    # formulas
    "$", "$x ", "$a$ ", "$$", "$$x", "$\n", "$$\n", "\\", "\\(", "\\(x ", "\\[", "\\[\n", "\\[\nx\n", "\\frac{", "x^",
    # blocks
    "> ", ">", "> a\n\n", "- ", "- a\n", "- a\n  b\n", "1) ", "# ", "# a\n", "# é\n", "a\n===\n", "---\n", "- [ ] a\n",
    "|", "|a", "\n|", "| a | b |\n", "a|b\n-|-\n", "|\\|",
    # the wire
    "<think>", "</think>", "</", "data: {\n", ",", ":", "=", '"', "{", "web=7d,", "web:a,",
)  # fmt: skip
# Where a text stands in another, and what is tried there.
FORMS = (
    "{}x",
    "x{}",
    "|a|b|\n|-|-|\n{}",
    "[{}](http://e.org)",
    "# {}",
    "- {}",
    "> {}",
    "```\n{}\n```",
    "`{}`",
    "<b>{}</b>",
)
WITHIN = ("a ", " ", "\u0301", "a.", "|x|\n", "`a.b` ", "&")
NESTED = (("**a ", "**"), ("*", "*"), ("[", "](b)"), ("<b>", "</b>"), ("<div>\n", "</div>\n"), ("(", ")"), ("{", "}"))


def repeated(unit: str, size: int) -> str:
    """So many characters of a unit."""
    return (unit * (size // len(unit) + 1))[:size]


def texts() -> dict[str, Callable[[int], str]]:
    """What makes a text of about so many characters, by its name."""
    found: dict[str, Callable[[int], str]] = {repr(unit): partial(repeated, unit) for unit in UNITS}
    for form, unit in product(FORMS, WITHIN):
        found[f"{unit!r} in {form!r}"] = partial(_within, form, unit)
    for opening, closing in NESTED:
        found[f"{opening!r} around {closing!r}"] = partial(_nested, opening, closing)
    return found


def _within(form: str, unit: str, size: int) -> str:
    return form.replace("{}", repeated(unit, size))


def _nested(opening: str, closing: str, size: int) -> str:
    count = size // len(opening + closing)
    return opening * count + "a" + closing * count
