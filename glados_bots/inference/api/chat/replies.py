"""Responses of the chat-completions protocol, as plain dicts.

Source: the OpenAI API reference, "The chat completion object" and "The chat completion chunk object".
"""

import time
from typing import Any

from glados_bots.wire.events import Finished


def usage(finished: Finished) -> dict[str, Any]:
    return {
        "prompt_tokens": finished.prompt_tokens,
        "completion_tokens": finished.completion_tokens,
        "total_tokens": finished.prompt_tokens + finished.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": finished.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": finished.reasoning_tokens},
    }


def message(text: str, reasoning: str) -> dict[str, Any]:
    """The answer. `reasoning_content` is no field of OpenAI's; DeepSeek and vLLM name it so."""
    thoughts = {"reasoning_content": reasoning} if reasoning else {}
    return {"role": "assistant", "content": text, "refusal": None, **thoughts}


def completion(request_id: str, model: str, message: dict[str, Any], finished: Finished) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finished.reason,
    }
    return {**_head(request_id, model, "chat.completion"), "choices": [choice], "usage": usage(finished)}


def chunk(request_id: str, model: str, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": [choice]}


def usage_chunk(request_id: str, model: str, finished: Finished) -> dict[str, Any]:
    """The last chunk, if the client asked for usage."""
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": [], "usage": usage(finished)}


def _head(request_id: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": request_id, "object": kind, "created": int(time.time()), "model": model}
