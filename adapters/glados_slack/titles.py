"""What a question is called where Slack, or the home, lists conversations."""

import re

# What is put around a person's words for the model, which reads English whatever the person speaks.
_BEFORE = re.compile(r"\A(?:Earlier in this thread|About this message):\n(?:>.*\n)+\n")
_BEHIND = "Shared message:\n"


def title(text: str, most: int) -> str:
    """The beginning of a person's own words, in one line, out of what the model reads.

    Args:
        text: the text of a turn, or the question of an exchange.
        most: characters of the title.

    Returns:
        Empty where a person has sent files, or others' words, alone.
    """
    own = _BEFORE.sub("", text).partition("\n\n")[0]
    return "" if own.startswith(_BEHIND) else " ".join(own.split())[:most]
