"""An answer as a list of items: each piece of the engine goes to the last item, or opens the next one."""

from collections.abc import Iterator
from typing import Any

from glados_bots.inference.api.responses.output_items import (
    CallOfModel,
    CustomCallOfModel,
    MessageOfModel,
    OutputItem,
    Piece,
    ReasoningOfModel,
    SummaryOfModel,
)
from glados_bots.inference.api.responses.toolbox import Toolbox
from glados_bots.wire.events import Thought, ToolCallDelta

Fields = dict[str, Any]


class Output:
    """The items of one answer. All methods that yield make OpenAI's events, without their numbers.

    Args:
        request_id: of the response; the items' ids hold it.
        toolbox: the tools of the request.
        has_summary: whether reasoning is told as a summary.
    """

    def __init__(self, request_id: str, toolbox: Toolbox, *, has_summary: bool) -> None:
        self._request_id, self._toolbox, self._has_summary = request_id, toolbox, has_summary
        self._items: list[OutputItem] = []

    def add(self, piece: Piece) -> Iterator[Fields]:
        if not (self._items and self._items[-1].takes(piece)):
            yield from self.end("completed")
            yield from self._begin(self._new(piece))
        yield from self._told(self._items[-1].add(piece))

    def end(self, status: str) -> Iterator[Fields]:
        """End the last item, if it has not ended."""
        if not self._items or self._items[-1].status != "in_progress":
            return
        item = self._items[-1]
        item.status = status
        yield from self._told(item.end())
        yield self._event("response.output_item.done", item=item.written())

    @property
    def has_answer(self) -> bool:
        """Whether there is more than reasoning."""
        return any(not isinstance(item, ReasoningOfModel | SummaryOfModel) for item in self._items)

    def written(self) -> list[Fields]:
        return [item.written() for item in self._items]

    def _begin(self, item: OutputItem) -> Iterator[Fields]:
        self._items.append(item)
        yield self._event("response.output_item.added", item=item.written())
        yield from self._told(item.begin())

    def _new(self, piece: Piece) -> OutputItem:
        item_id = f"{self._request_id}_{len(self._items)}"
        if isinstance(piece, ToolCallDelta):
            tool = self._toolbox.known(piece.name)
            return (CustomCallOfModel if tool.is_custom else CallOfModel)(item_id, piece, tool)
        if isinstance(piece, Thought):
            return SummaryOfModel(item_id) if self._has_summary else ReasoningOfModel(item_id)
        return MessageOfModel(item_id)

    def _told(self, events: Iterator[Any]) -> Iterator[Fields]:
        for told in events:
            yield self._event(told.type, item_id=self._items[-1].id, **told.fields)

    def _event(self, kind: str, **fields: Any) -> Fields:
        return {"type": kind, "output_index": len(self._items) - 1, **fields}
