"""An engine that does what a good model does with an agent: it asks a tool, reads the result, and ends."""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from glados_bots.conversation import Message
from glados_bots.wire.events import Delta, Event, Finished, Sampling, ToolCallDelta
from tests.clients.node.service import WIDE, WINDOW
from tests.clients.python.doing import WEATHER
from tests.fakes.engine import ScriptedEngine

# The tools by which clients take a final answer.
FINAL: dict[str, dict[str, Any]] = {
    "final_answer": {"answer": WEATHER},
    "final_result": {"city": "Rome", "degrees": 18},
    "Response": {"content": 7},
}


class AskingEngine(ScriptedEngine):
    """Asks `get_weather` where it can, unless a message tells the weather; then ends by a tool of FINAL, or `end`."""

    models = (WIDE,)
    context_length = WINDOW

    def __init__(self, end: str) -> None:
        super().__init__()
        self._end = end

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """One call, or the end."""
        del model, caller
        self.asked.append((tuple(messages), sampling))
        offered = {tool.name for tool in sampling.tools.tools} if sampling.tools else set()
        asking = {} if any(WEATHER in message.content for message in messages) else {"get_weather": {"city": "Rome"}}
        calls = [(name, json.dumps(arguments)) for name, arguments in (asking | FINAL).items() if name in offered]
        if calls:
            name, arguments = calls[0]
            yield ToolCallDelta(0, id=f"call_{len(self.asked)}", name=name)
            for piece in (arguments[:5], arguments[5:]):
                yield ToolCallDelta(0, arguments=piece)
        else:
            yield Delta(self._end)
        yield Finished("tool_calls" if calls else "stop", 9, 0, 9)
