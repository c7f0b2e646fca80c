"""All errors of the HTTP API, in OpenAI's format.

There is a short fixed list of codes, because `/metrics` counts errors by code. Error texts repeat nothing that a client
sent, except the name of a model or a field.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from glados_bots.errors import (
    EngineDeadError,
    FormTooHardError,
    GenerationFailedError,
    InputRefusedError,
    LoraRefusedError,
    ModelNotServedError,
    ParameterRefusedError,
    PictureRefusedError,
    PromptRefusedError,
    PromptTooLongError,
    QueueFullError,
)
from glados_bots.inference.api.metrics import Metrics
from glados_bots.inference.api.remedies import remedy

log = logging.getLogger(__name__)

LONGEST_PLACE = 200  # characters of a field's name that an error text repeats
JSON_NEEDED = "the body must be a JSON object, sent with the header Content-Type: application/json"
COMES_BACK_S = 5.0  # a model loads in some seconds
RESTARTS_S = 10.0
STATUS_OF_LORA = {"invalid_lora": 400, "lora_not_found": 404, "lora_loading_off": 404, "loras_full": 409}
HTTP_CODES = {404: "route_not_found", 405: "method_not_allowed"}


class ApiError(Exception):
    """A response with a status other than 2xx."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        **figures: int,
    ) -> None:
        super().__init__(message)
        self.status = status  # the HTTP status
        self.code = code  # what happened, for programs
        self.param = param  # the wrong field of the request
        self.retry_after = retry_after  # seconds after which a retry makes sense
        self.figures = figures  # more numbers in the error object

    @property
    def kind(self) -> str:
        """OpenAI's `type`."""
        named = {401: "authentication_error", 429: "rate_limit_error"}
        server = self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return named.get(self.status, "server_error" if server else "invalid_request_error")

    def renamed(self, names: Mapping[str, str]) -> "ApiError":
        """The same error for an endpoint that names fields otherwise. Args: names: by those of chat completions."""
        place = names.get(self.param or "")
        if place is None:
            return self
        text = str(self)
        if text.startswith(f"{self.param}:"):
            text = place + text.removeprefix(self.param or "")
        return ApiError(self.status, self.code, text, param=place, retry_after=self.retry_after, **self.figures)

    def body(self) -> dict[str, Any]:
        fields = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return {"error": {**fields, **self.figures}}

    def response(self, metrics: Metrics) -> JSONResponse:
        metrics.errors.labels(self.code).inc()
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.body(), self.status, headers)


TEXT = {"type": "string"}
TEXT_OR_NULL = {"anyOf": [TEXT, {"type": "null"}]}
# OpenAI's error object. Some codes add figures.
ERROR = {
    "type": "object",
    "properties": {"message": TEXT, "type": TEXT, "param": TEXT_OR_NULL, "code": TEXT},
    "required": ["message", "type", "param", "code"],
}
ERROR_BODY = {"type": "object", "properties": {"error": ERROR}, "required": ["error"]}
# In JSON, whatever the route's good answers are
REFUSAL = {"content": {"application/json": {"schema": ERROR_BODY}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {**REFUSAL, "description": "The request is refused."},
    "5XX": {**REFUSAL, "description": "The service cannot answer now."},
}


def not_ready(reason: str) -> ApiError:
    """The error of a service that loads, drains or has failed."""
    return ApiError(503, "not_ready", reason, retry_after=COMES_BACK_S)


def wrong_value(place: str, reason: str) -> ApiError:
    """The error of a field whose value is not offered. Args: place: of the field in the request."""
    return ApiError(400, "invalid_value", f"{place}: {reason}" if place else reason, param=place)


def cannot_see(model: str, seeing: Sequence[str]) -> ApiError:
    """The error of a model that gets a picture and sees none."""
    remedy = "leave them out, or serve a model that sees (docs/models.md)"
    if seeing:
        remedy = f"ask {' or '.join(seeing)}, which sees them, or leave them out"
    return ApiError(400, "image_not_supported", f"the model {model} cannot see pictures; {remedy}", param="messages")


def from_engine(error: Exception) -> ApiError:
    """An engine's exception as a response. Logs unexpected exceptions with their traceback."""
    match error:
        case ApiError():
            return error
        case InputRefusedError():
            return ApiError(400, error.code, str(error), param=error.name, **error.figures)
        case (
            FormTooHardError()
            | PromptTooLongError()
            | PromptRefusedError()
            | ParameterRefusedError()
            | PictureRefusedError()
        ):
            return _wrong_request(error)
        case ModelNotServedError() | LoraRefusedError():
            return _of_lora(error)
        case QueueFullError():
            return ApiError(429, "queue_full", str(error), retry_after=error.retry_after)
    return _failed(error)


def _failed(error: Exception) -> ApiError:
    """An error that is not the request's fault."""
    match error:
        case EngineDeadError():
            return ApiError(503, "engine_dead", str(error), retry_after=RESTARTS_S)
        case GenerationFailedError():
            return ApiError(500, "generation_failed", str(error))
    log.error("an unexpected error ended an answer", exc_info=error)
    return ApiError(500, "internal_error", "an error inside the service; the service's log has the details")


def _of_lora(error: ModelNotServedError | LoraRefusedError) -> ApiError:
    if isinstance(error, ModelNotServedError):
        return ApiError(404, "model_not_found", str(error), param="model")
    return ApiError(STATUS_OF_LORA[error.code], error.code, str(error), retry_after=error.retry_after)


def _wrong_request(
    error: FormTooHardError | PromptTooLongError | PromptRefusedError | ParameterRefusedError | PictureRefusedError,
) -> ApiError:
    if isinstance(error, FormTooHardError):
        return ApiError(400, "form_too_hard", str(error), param=error.name)
    if isinstance(error, PictureRefusedError):
        return ApiError(400, "invalid_image", str(error), param="messages")
    if isinstance(error, ParameterRefusedError):
        return ApiError(400, "unknown_parameter", str(error), param=error.name)
    if isinstance(error, PromptRefusedError):
        return ApiError(400, "template_refused", f"the model's chat template refuses this: {error}", param="messages")
    figures = {"prompt_tokens": error.prompt_tokens, "max_prompt_tokens": error.max_tokens}
    return ApiError(400, "context_length_exceeded", str(error), param="messages", **figures)


def shape_errors(app: FastAPI, metrics: Metrics) -> None:
    """Convert every error of the app to OpenAI's format."""

    def answer(request: Request, error: Exception) -> JSONResponse:
        match error:
            case RequestValidationError():
                shaped = _invalid(error)
            case HTTPException():
                shaped = _http(request, error)
            case _:
                shaped = from_engine(error)
        response = shaped.response(metrics)
        if isinstance(error, HTTPException):
            response.headers.update(error.headers or {})
        return response

    for kind in (ApiError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)
    # After the response, Starlette raises an unexpected error again, and uvicorn logs it.
    app.add_exception_handler(500, lambda _, __: ApiError(500, "internal_error", "an internal error").response(metrics))


def _invalid(error: RequestValidationError) -> ApiError:
    """400, as OpenAI answers; the text names the first wrong field."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return ApiError(400, "invalid_json", "the body is not valid JSON")
    place = ".".join(str(part) for part in first["loc"][1:]) or None
    reason = first["msg"].removeprefix("Value error, ")
    if place is None:
        return ApiError(400, "invalid_body", reason if first["type"] == "value_error" else JSON_NEEDED)
    if first["type"] == "extra_forbidden":
        place = place[-LONGEST_PLACE:]
        return ApiError(400, "unknown_parameter", f"{place}: not offered by this service; {remedy(place)}", param=place)
    return ApiError(400, "invalid_value", f"{place}: {reason}", param=place)


def _http(request: Request, error: HTTPException) -> ApiError:
    """Errors that Starlette and FastAPI raise: unknown routes, wrong methods, and unreadable bodies."""
    if error.status_code in HTTP_CODES:
        text = f"this path does not serve {request.method}; see /v1/models and /v1/chat/completions"
        return ApiError(error.status_code, HTTP_CODES[error.status_code], text)
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return ApiError(413, "body_too_large", str(error.detail))
    if error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return ApiError(429, "queue_full", str(error.detail))
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return ApiError(400, "invalid_json", "the body cannot be read as JSON in UTF-8")
    return ApiError(error.status_code, "http_error", str(error.detail))
