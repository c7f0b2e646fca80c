"""The response object, as plain dicts.

Source: the OpenAI API reference, "The response object".
"""

import time
from collections.abc import Sequence
from typing import Any

from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.responses.requests import ResponsesRequest
from glados_bots.inference.api.responses.tools import LeftOut
from glados_bots.wire.events import Finished

# OpenAI's codes of failures; clients wait and try again after both
FAILED, TOO_MANY = "server_error", "rate_limit_exceeded"


class Reply:
    """Makes the response object of one request, at each moment of its answer."""

    def __init__(self, body: ResponsesRequest, request_id: str) -> None:
        self._body = body
        self._head = {
            "id": f"resp_{request_id}",
            "object": "response",
            "created_at": int(time.time()),
            "model": body.model,
            **_repeated(body),
            "background": False,
            "previous_response_id": None,
            "store": False,  # whatever the request says: nothing is stored
            "truncation": "disabled",
        }

    def begun(self) -> dict[str, Any]:
        return self._whole("in_progress", [])

    def ended(self, output: Sequence[dict[str, Any]], finished: Finished) -> dict[str, Any]:
        reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(finished.reason)
        details = {"reason": reason} if reason else None
        status = "incomplete" if self.is_cut(output, finished) else "completed"
        return self._whole(status, output, incomplete_details=details, usage=_usage(finished))

    def failed(self, output: Sequence[dict[str, Any]], error: ApiError) -> dict[str, Any]:
        is_ours = error.status >= 500  # noqa: PLR2004 - HTTP's server errors
        code = FAILED if is_ours else TOO_MANY if error.kind == "rate_limit_error" else error.code
        return self._whole("failed", output, error={"code": code, "message": str(error)})

    def is_cut(self, output: Sequence[dict[str, Any]], finished: Finished) -> bool:
        """Whether the answer lacks what the client needs.

        Words that end because the window is full, although the client set no limit, are complete for it: some clients
        take `incomplete` for a failure. A call or a document is not, because nobody can read a half of it.
        """
        if finished.reason == "content_filter":
            return True
        has_said_limit = self._body.max_output_tokens is not None
        is_text = self._body.format.type == "text" and bool(output) and output[-1]["type"] == "message"
        return finished.reason == "length" and (has_said_limit or not is_text)

    def _whole(self, status: str, output: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
        ends = {"error": None, "incomplete_details": None, **more}
        return {**self._head, "status": status, "output": list(output), **ends}


def _repeated(body: ResponsesRequest) -> dict[str, Any]:
    """What the response says about its request. `tools` are those that the model knows of."""
    choice = body.tool_choice
    reasoning = body.reasoning
    return {
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": body.metadata or {},
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "reasoning": {
            "effort": reasoning.effort if reasoning else None,
            "summary": (reasoning.summary or reasoning.generate_summary) if reasoning else None,
        },
        "temperature": body.temperature,
        "text": {"format": body.format.model_dump(by_alias=True, exclude_none=True)},
        "tool_choice": choice if isinstance(choice, str) else choice.model_dump() if choice else "auto",
        "tools": [tool.told() for tool in body.tools or () if not isinstance(tool, LeftOut)],
        "top_logprobs": body.top_logprobs or 0,
        "top_p": body.top_p,
    }


def _usage(finished: Finished) -> dict[str, Any]:
    return {
        "input_tokens": finished.prompt_tokens,
        "input_tokens_details": {"cached_tokens": finished.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": finished.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": finished.reasoning_tokens},
        "total_tokens": finished.prompt_tokens + finished.completion_tokens,
    }
