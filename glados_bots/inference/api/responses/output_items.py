"""The items of an answer as they grow, and the events that tell of each.

Source: the OpenAI API reference, "Streaming events".
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from glados_bots.inference.api.chat.replies import scores
from glados_bots.inference.api.responses.toolbox import Known
from glados_bots.inference.api.responses.tools import INPUT
from glados_bots.wire.events import Delta, Thought, ToolCallDelta

Fields = dict[str, Any]
Piece = Thought | Delta | ToolCallDelta


@dataclass(frozen=True, slots=True)
class Told:
    """An event about one item."""

    type: str
    fields: Fields


class OutputItem(ABC):
    """One item. All methods that yield tell what has happened."""

    prefix: ClassVar[str]  # of its id

    def __init__(self, item_id: str) -> None:
        self.id = f"{self.prefix}_{item_id}"
        self.status = "in_progress"

    @abstractmethod
    def takes(self, piece: Piece) -> bool:
        """Whether this piece belongs to this item."""

    @abstractmethod
    def begin(self) -> Iterator[Told]:
        """What the client hears after it has heard of the item."""

    @abstractmethod
    def add(self, piece: Any) -> Iterator[Told]:
        """Take a piece."""

    @abstractmethod
    def end(self) -> Iterator[Told]:
        """What the client hears before it hears that the item is done."""

    @abstractmethod
    def written(self) -> Fields:
        """The item so far."""


class TextItem(OutputItem):
    """An item with one part that is a text."""

    piece: ClassVar[type[Thought | Delta]]
    part_event: ClassVar[str] = "response.content_part"
    text_event: ClassVar[str]
    index: ClassVar[str] = "content_index"

    def __init__(self, item_id: str) -> None:
        super().__init__(item_id)
        self._texts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def takes(self, piece: Piece) -> bool:
        return isinstance(piece, self.piece)

    def begin(self) -> Iterator[Told]:
        yield Told(f"{self.part_event}.added", {self.index: 0, "part": self.part()})

    def add(self, piece: Thought | Delta) -> Iterator[Told]:
        self._texts.append(piece.text)
        yield Told(f"{self.text_event}.delta", {self.index: 0, "delta": piece.text, **self.more(piece)})

    def end(self) -> Iterator[Told]:
        yield Told(f"{self.text_event}.done", {self.index: 0, "text": self.text, **self.more(None)})
        yield Told(f"{self.part_event}.done", {self.index: 0, "part": self.part()})

    def more(self, piece: Thought | Delta | None) -> Fields:
        """Further fields of an event about the text. Args: piece: None for the whole text."""
        del piece
        return {}

    @abstractmethod
    def part(self) -> Fields:
        """The part so far."""


class MessageOfModel(TextItem):
    """The answer's words."""

    prefix, piece, text_event = "msg", Delta, "response.output_text"

    def __init__(self, item_id: str) -> None:
        super().__init__(item_id)
        self._logprobs: list[Fields] = []

    def add(self, piece: Thought | Delta) -> Iterator[Told]:
        self._logprobs += self.more(piece)["logprobs"]
        yield from super().add(piece)

    def more(self, piece: Thought | Delta | None) -> Fields:
        if piece is None:
            return {"logprobs": self._logprobs}
        return {"logprobs": scores(piece.logprobs) if isinstance(piece, Delta) else []}

    def part(self) -> Fields:
        return {"type": "output_text", "text": self.text, "annotations": [], "logprobs": self._logprobs}

    def written(self) -> Fields:
        content = [self.part()] if self.status != "in_progress" else []
        return {"id": self.id, "type": "message", "status": self.status, "role": "assistant", "content": content}


class ReasoningOfModel(TextItem):
    """What the model thought."""

    prefix, piece, text_event = "rs", Thought, "response.reasoning_text"

    def part(self) -> Fields:
        return {"type": "reasoning_text", "text": self.text}

    def written(self) -> Fields:
        content = [self.part()] if self.status != "in_progress" else []
        return {"id": self.id, "type": "reasoning", "status": self.status, "summary": [], "content": content}


class SummaryOfModel(TextItem):
    """What the model thought, for clients that want a summary: they get all of it."""

    prefix, piece, text_event = "rs", Thought, "response.reasoning_summary_text"
    part_event, index = "response.reasoning_summary_part", "summary_index"

    def part(self) -> Fields:
        return {"type": "summary_text", "text": self.text}

    def written(self) -> Fields:
        summary = [self.part()] if self.status != "in_progress" else []
        return {"id": self.id, "type": "reasoning", "status": self.status, "summary": summary}


class CallOfModel(OutputItem):
    """A call of a function."""

    prefix = "fc"

    def __init__(self, item_id: str, first: ToolCallDelta, tool: Known) -> None:
        super().__init__(item_id)
        self._index, self._call_id, self._tool = first.index, first.id, tool
        self._arguments: list[str] = []

    def takes(self, piece: Piece) -> bool:
        return isinstance(piece, ToolCallDelta) and piece.index == self._index

    def begin(self) -> Iterator[Told]:
        return iter(())

    def add(self, piece: ToolCallDelta) -> Iterator[Told]:
        self._arguments.append(piece.arguments)
        if piece.arguments:
            yield Told("response.function_call_arguments.delta", {"delta": piece.arguments})

    def end(self) -> Iterator[Told]:
        yield Told("response.function_call_arguments.done", {"arguments": self.arguments, "name": self._tool.name})

    @property
    def arguments(self) -> str:
        return "".join(self._arguments)

    def written(self) -> Fields:
        return {**self._head("function_call"), "status": self.status, "arguments": self.arguments}

    def _head(self, kind: str) -> Fields:
        namespace = {"namespace": self._tool.namespace} if self._tool.namespace else {}
        return {"id": self.id, "type": kind, "call_id": self._call_id, "name": self._tool.name, **namespace}


class CustomCallOfModel(CallOfModel):
    """A call of a custom tool. Its input comes whole, because the model writes it within JSON."""

    prefix = "ctc"

    def add(self, piece: ToolCallDelta) -> Iterator[Told]:
        self._arguments.append(piece.arguments)
        return iter(())

    def end(self) -> Iterator[Told]:
        yield Told("response.custom_tool_call_input.delta", {"delta": self._input})
        yield Told("response.custom_tool_call_input.done", {"input": self._input})

    @property
    def _input(self) -> str:
        """The text within the arguments; what there is of them if the answer was cut."""
        try:
            return str(json.loads(self.arguments)[INPUT])
        except (ValueError, TypeError, KeyError):
            return self.arguments

    def written(self) -> Fields:
        return {**self._head("custom_tool_call"), "input": "" if self.status == "in_progress" else self._input}
