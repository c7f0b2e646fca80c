"""A thread's name from the question that opens it."""

import re

LONGEST = 80  # Discord takes 100; long names are cut in its side bar anyway
_MARKUP = re.compile(r"```\w*|[`*_~|#>\[\]]+|https?://\S+")


def title(question: str, fallback: str = "A question") -> str:
    """The first words of a question on one line, cut between words."""
    words = _MARKUP.sub(" ", question).split()
    name = ""
    for word in words:
        longer = f"{name} {word}".strip()
        if len(longer) > LONGEST - 1:
            return f"{name or longer[: LONGEST - 1]}…"
        name = longer
    return name or fallback
