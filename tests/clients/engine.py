"""An engine that does what a good model does with an agent: it asks a tool, reads the result, and ends."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from glados_bots.conversation import Message
from glados_bots.wire.events import Delta, Event, Finished, Sampling, ToolCallDelta
from tests.clients.node.service import WIDE, WINDOW
from tests.fakes.engine import ScriptedEngine

Calls = Mapping[str, Mapping[str, Any]]  # the arguments of each tool, by its name


class AskingEngine(ScriptedEngine):
    """Calls one of its tools that the client offers, or says `end`.

    Args:
        asks: the tools that it asks until a message holds `result`.
        result: of these tools.
        end: its last words.
        final: the tools by which clients take a final answer instead.
    """

    models = (WIDE,)
    context_length = WINDOW

    def __init__(self, asks: Calls, result: str, end: str, final: Calls | None = None) -> None:
        super().__init__()
        self._asks, self._result, self._end, self._final = asks, result, end, final or {}

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """One call, in pieces, or the end."""
        del model, caller
        self.asked.append((tuple(messages), sampling))
        offered = {tool.name for tool in sampling.tools.tools} if sampling.tools else set()
        is_told = any(self._result in message.content for message in messages)
        wanted = self._final if is_told else {**self._asks, **self._final}
        calls = [(name, json.dumps(arguments)) for name, arguments in wanted.items() if name in offered]
        if calls:
            name, arguments = calls[0]
            yield ToolCallDelta(0, id=f"call_{len(self.asked)}", name=name)
            for piece in (arguments[:5], arguments[5:]):
                yield ToolCallDelta(0, arguments=piece)
        else:
            yield Delta(self._end)
        yield Finished("tool_calls" if calls else "stop", 9, 0, 9)
