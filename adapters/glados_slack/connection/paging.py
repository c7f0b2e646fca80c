"""Messages of a channel or thread, which Slack tells in pages.

Apps that are sold outside Slack's Marketplace get 15 messages per page and one page per minute, whatever they ask for
(docs.slack.dev, "Rate limits", changes of 29 May 2025). A thread's oldest come first, and there is no other order.
"""

from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
# Asks for a page by its cursor, None for the first; None when it cannot be had.
Ask = Callable[[str | None], Awaitable[Any]]


async def all_pages(ask: Ask, most: int) -> tuple[list[Message], bool]:
    """Messages of so many pages at most, each once, as they came; and whether these are all.

    Raises what `ask` raises.
    """
    found: dict[str, Message] = {}
    cursor: str | None = None
    for _ in range(most):
        page = await ask(cursor)
        if page is None:
            break
        found |= {str(one["ts"]): one for one in page["messages"]}
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return list(found.values()), not page.get("has_more")
    return list(found.values()), False
