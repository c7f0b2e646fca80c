"""Responses of the chat-completions protocol, as plain dicts.

Source: the OpenAI API reference, "The chat completion object" and "The chat completion chunk object".
"""

import time
from collections.abc import Sequence
from typing import Any

from glados_bots.conversation import ToolCall
from glados_bots.wire.events import Finished, TokenLogprob, ToolCallDelta

LEAST_LOGPROB = -9999.0  # OpenAI's, of a token that cannot be; JSON has no infinity


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
    call: dict[str, Any] = {"function": {"arguments": piece.arguments}}
    if piece.id:
        call = {"id": piece.id, **_called(piece.name, piece.arguments)}
    return {"tool_calls": [{"index": piece.index, **call}]}


def _called(name: str, arguments: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def choice(index: int, message: dict[str, Any], reason: str, scores: dict[str, Any] | None) -> dict[str, Any]:
    return {"index": index, "message": message, "logprobs": scores, "finish_reason": reason}


def logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    """The scores of an answer's tokens. A part of a character has its bytes, and no text that could be read."""
    return {"content": scores(tokens), "refusal": None}


def scores(tokens: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
    return [{**_scored(one), "top_logprobs": [_scored(other) for other in one.top]} for one in tokens]


def _scored(one: TokenLogprob) -> dict[str, Any]:
    text = one.text.decode("utf-8", "replace")
    return {"token": text, "logprob": max(one.logprob, LEAST_LOGPROB), "bytes": list(one.text)}


def completion(request_id: str, model: str, choices: list[dict[str, Any]], finished: Finished) -> dict[str, Any]:
    return {**_head(request_id, model, "chat.completion"), "choices": choices, "usage": usage(finished)}


def chunk(request_id: str, model: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": [choice]}


def usage_chunk(request_id: str, model: str, finished: Finished) -> dict[str, Any]:
    """The last chunk, if the client asked for usage."""
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": [], "usage": usage(finished)}


def _head(request_id: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": request_id, "object": kind, "created": int(time.time()), "model": model}
