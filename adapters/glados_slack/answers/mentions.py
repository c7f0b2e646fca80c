"""What keeps an answer from calling anybody on Slack. In mrkdwn, entities keep tokens from being read as well."""

import re

from glados_bots.markdown.drawing.inline import ZERO_WIDTH_SPACE
from glados_bots.markdown.drawing.mentions import Mentions

_CALLED = "channel|here|everyone"
_TOKEN = re.compile(f"<(?=[!@#])|@(?={_CALLED})", re.IGNORECASE)
MENTIONS = Mentions(_CALLED)


def without_tokens(text: str) -> str:
    """Literal text and code, for readers that take them for mrkdwn: nothing in it is a mention."""
    return _TOKEN.sub(lambda match: match[0] + ZERO_WIDTH_SPACE, text) if "@" in text or "<" in text else text
