"""The places of a request as the Responses API names them. The engine names those of chat completions."""

from glados_bots.inference.api.errors import ApiError

NAMES = {"messages": "input", "reasoning_effort": "reasoning.effort"}


def in_responses(error: ApiError) -> ApiError:
    """The error with the place's own name."""
    place = NAMES.get(error.param or "")
    if place is None:
        return error
    text = str(error)
    text = place + text.removeprefix(error.param or "") if text.startswith(f"{error.param}:") else text
    return ApiError(error.status, error.code, text, param=place, retry_after=error.retry_after, **error.figures)
