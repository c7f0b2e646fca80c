"""Responses of the chat-completions protocol, as plain dicts.

Source: the OpenAI API reference, "The chat completion object" and "The chat completion chunk object".
"""

import time
from collections.abc import Sequence
from typing import Any

from glados_bots.conversation import ToolCall
from glados_bots.wire.events import Finished, ToolCallDelta


def usage(finished: Finished) -> dict[str, Any]:
    return {
        "prompt_tokens": finished.prompt_tokens,
        "completion_tokens": finished.completion_tokens,
        "total_tokens": finished.prompt_tokens + finished.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": finished.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": finished.reasoning_tokens},
    }


def message(text: str, reasoning: str, calls: Sequence[ToolCall] = ()) -> dict[str, Any]:
    """The answer. `reasoning_content` is no field of OpenAI's; DeepSeek and vLLM name it so."""
    more: dict[str, Any] = {"reasoning_content": reasoning} if reasoning else {}
    if calls:
        more["tool_calls"] = [{"id": call.id, **_called(call.name, call.arguments)} for call in calls]
    return {"role": "assistant", "content": text if text or not calls else None, "refusal": None, **more}


def call_delta(piece: ToolCallDelta) -> dict[str, Any]:
    """A piece of a call, as the delta of a chunk. The first piece of a call has its id and name."""
    call = {"function": {"arguments": piece.arguments}}
    if piece.id:
        call = {"id": piece.id, **_called(piece.name, piece.arguments)}
    return {"tool_calls": [{"index": piece.index, **call}]}


def _called(name: str, arguments: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def completion(request_id: str, model: str, message: dict[str, Any], finished: Finished) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finished.reason,
    }
    return {**_head(request_id, model, "chat.completion"), "choices": [choice], "usage": usage(finished)}


def chunk(request_id: str, model: str, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": [choice]}


def usage_chunk(request_id: str, model: str, finished: Finished) -> dict[str, Any]:
    """The last chunk, if the client asked for usage."""
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": [], "usage": usage(finished)}


def _head(request_id: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": request_id, "object": kind, "created": int(time.time()), "model": model}
