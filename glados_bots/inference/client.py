"""The adapters' way to the model: any OpenAI-compatible endpoint. No retries here: turns.py decides."""

import codecs
import hashlib
import json
import math
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from glados_bots import logs, tracing
from glados_bots.conversation import Message
from glados_bots.errors import InferenceError, RequestRejectedError, ServiceUnavailableError
from glados_bots.inference.engine import Delta, Event, Finished, Queued, Sampling
from glados_bots.inference.keys import checked
from glados_bots.inference.reasoning import Reasoning

CONNECT_S = 5.0
LIST_S = 10.0  # people wait for it: `/status`, and a turn before it says that the model is away
SESSION = "X-Session-Id"  # the name Ray Serve looks for
SILENCE_S = 120.0  # our service says something every ten seconds; others may need long for the first token
LONGEST_LINE_BYTES = 2**20
QUEUE = re.compile(r": queue position=(\d{1,9})(?: wait=(\d{1,9}\.\d))?")
STRANGE = (ValueError, TypeError, AttributeError, RecursionError)  # what reading JSON of another shape raises
WORTH_WAITING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model the endpoint serves; the context length is None where it does not say."""

    id: str
    context_length: int | None


class InferenceClient:
    """One endpoint. `base_url` ends in /v1. Raises ConfigError when the key cannot be sent."""

    def __init__(self, base_url: str, api_key: str | None = None, *, show_reasoning: bool = False) -> None:
        self._show_reasoning = show_reasoning
        headers = {"Authorization": f"Bearer {api_key}"} if checked(api_key) else {}
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S, pool=CONNECT_S)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        # Proxy variables of the environment are for the internet; the model is in the building.
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/", headers=headers, timeout=timeout, limits=limits, trust_env=False
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def models(self) -> list[ModelInfo]:
        """What the endpoint serves, at least one; the default first.

        Raises:
            ServiceUnavailableError: it is away, or has no model yet.
            RequestRejectedError: it refuses us, for example by our key.
        """
        try:
            patience = httpx.Timeout(LIST_S, connect=CONNECT_S)
            response = await self._http.get("models", headers=logs.headers() | tracing.headers(), timeout=patience)
            if not response.is_success:
                raise _refusal(response.status_code, response.content, response.headers)
            data = response.json()["data"]
            found = [ModelInfo(str(model["id"]), _count(model.get("max_model_len"))) for model in data]
        except httpx.HTTPError as error:
            raise _away(error) from error
        except (*STRANGE, KeyError) as error:
            raise ServiceUnavailableError(
                "the inference service answered with something else than a list of models"
            ) from error
        if not found:
            raise ServiceUnavailableError("the inference service has no model yet")
        return found

    async def ready(self) -> bool:
        """Whether the endpoint would take a request now."""
        try:
            await self.models()
        except InferenceError:
            return False
        return True

    async def stream(
        self, messages: Sequence[Message], *, model: str, sampling: Sampling | None = None, session: str = ""
    ) -> AsyncGenerator[Event]:
        """Ask, and yield `Queued`, `Delta` and one last `Finished`, like an engine does.

        `session` names the conversation: routers before several replicas (Ray Serve, vLLM's) send what has the same
        name to the same replica, whose cache knows the beginning. Only its hash leaves this process.

        Raises:
            ServiceUnavailableError: it is away, busy, or broke off before the end: the same request may succeed later.
            RequestRejectedError: it refused this request for good.
        """
        answer, thoughts = (
            _Answer(),
            Reasoning(show=self._show_reasoning),
        )  # our service folds them itself; others may not
        body = _body(messages, model, sampling or Sampling())
        try:
            headers = logs.headers() | tracing.headers()
            if session:
                headers[SESSION] = hashlib.sha256(session.encode()).hexdigest()[:32]
            async with self._http.stream("POST", "chat/completions", json=body, headers=headers) as response:
                if not response.is_success:
                    raise _refusal(response.status_code, await response.aread(), response.headers)
                async with aclosing(lines_of(response)) as lines:
                    async for line in lines:
                        for event in answer.read(line):
                            if folded := _folded(event, thoughts):
                                yield folded
        except httpx.HTTPError as error:
            raise _away(error) from error
        finished = answer.finished()
        if rest := thoughts.close():
            yield Delta(rest)
        yield finished


class _Answer:
    """Reads one streamed answer line by line; not with httpx-sse, which drops comments, and those tell our place."""

    def __init__(self) -> None:
        self._reason: str | None = None
        self._usage: dict[str, Any] = {}
        # JSON may hold half of a surrogate pair, and a foreign server may send the other half in the next piece.
        self._halves = codecs.getincrementaldecoder("utf-16-le")("replace")

    def read(self, line: str) -> Iterator[Event]:
        """The events of one line of the stream."""
        if found := QUEUE.fullmatch(line):
            yield Queued(int(found[1]), float(found[2]) if found[2] else None)
        field, _, text = line.partition(":")
        text = text.removeprefix(" ")
        if field != "data" or text == "[DONE]":
            return
        try:
            yield from self._deltas(json.loads(text))
        except STRANGE as error:
            raise ServiceUnavailableError("the inference service sent something that is no chat completion") from error

    def _deltas(self, data: Any) -> Iterator[Delta]:
        if data.get("error"):
            raise _failure(data["error"])
        if isinstance(data.get("usage"), dict):
            self._usage = data["usage"]
        for choice in data.get("choices") or ():
            text = str((choice.get("delta") or {}).get("content") or "")
            if whole := self._halves.decode(text.encode("utf-16-le", "surrogatepass")):
                yield Delta(whole)
            self._reason = choice.get("finish_reason") or self._reason

    def finished(self) -> Finished:
        """The last event. Raises ServiceUnavailableError when the stream ended before the answer did."""
        if self._reason is None:
            raise ServiceUnavailableError("the inference service broke off in the middle of an answer")
        details = self._usage.get("prompt_tokens_details")
        return Finished(
            "length" if self._reason == "length" else "stop",
            _count(self._usage.get("prompt_tokens")) or 0,
            (_count(details.get("cached_tokens")) or 0) if isinstance(details, dict) else 0,
            _count(self._usage.get("completion_tokens")) or 0,
        )


async def lines_of(response: httpx.Response) -> AsyncGenerator[str]:
    """Lines of a stream of events. `aiter_lines` of httpx also cuts at U+2028 and its like, which JSON may hold."""
    rest = b""
    async for piece in response.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r").decode(errors="replace")
        if len(rest) > LONGEST_LINE_BYTES:
            raise ServiceUnavailableError("the inference service sent a line without an end")
    yield rest.decode(errors="replace")


def _folded(event: Event, thoughts: Reasoning) -> Event | None:
    """The event without what the model thinks before it answers; None when nothing is left to show yet."""
    if not isinstance(event, Delta):
        return event
    text = thoughts.feed(event.text)
    return Delta(text) if text else None


def _body(messages: Sequence[Message], model: str, sampling: Sampling) -> dict[str, Any]:
    """Only what was chosen is sent: servers differ in what they know."""
    chosen = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty or None,
        "frequency_penalty": sampling.frequency_penalty or None,
        "stop": list(sampling.stop) or None,
    }
    return {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        **{name: value for name, value in chosen.items() if value is not None},
    }


def _failure(error: Any) -> Exception:
    """What an error in the middle of a stream means."""
    if not isinstance(error, dict):
        error = {"message": error}
    if error.get("type") == "invalid_request_error":
        return _rejected(error, HTTPStatus.BAD_REQUEST)
    text = f"the inference service failed: {error.get('message', 'no reason given')}"
    return ServiceUnavailableError(text, status=HTTPStatus.OK)  # it had begun well


def _refusal(status: int, content: bytes, headers: httpx.Headers) -> Exception:
    """What an error response means: wait, or give up."""
    try:
        error = json.loads(content)["error"]
        text = str(error["message"])
    except (*STRANGE, KeyError):
        text = content[:200].decode(errors="replace").strip() or f"status {status}"
        error = {"message": text}
    if status in WORTH_WAITING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServiceUnavailableError(text, _seconds(headers.get("Retry-After")), status)
    return _rejected(error, status)


def _rejected(error: dict[str, Any], status: int) -> RequestRejectedError:
    figures = _count(error.get("prompt_tokens")), _count(error.get("max_prompt_tokens"))
    return RequestRejectedError(str(error.get("message")), status, str(error.get("code") or ""), *figures)


def _away(error: httpx.HTTPError) -> ServiceUnavailableError:
    return ServiceUnavailableError(f"the inference service does not answer ({type(error).__name__}: {error})")


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "nan")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
