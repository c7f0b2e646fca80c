"""The adapters' way to the model: any OpenAI-compatible endpoint. No retries here: turns/answering.py decides."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import httpx

from glados_bots import logs, tracing
from glados_bots.conversation import Message
from glados_bots.errors import InferenceError, ServiceUnavailableError
from glados_bots.wire.credentials import checked
from glados_bots.wire.model_list import ModelInfo, in_order, read
from glados_bots.wire.refusals import STRANGE, refusal
from glados_bots.wire.reply import Reply, ReplyEvent

CONNECT_S = 5.0
LIST_S = 10.0  # people wait for it: `/status`, and a turn before it says that the model is away
SESSION = "X-Session-Id"  # the name Ray Serve looks for
SILENCE_S = 120.0  # our service says something every ten seconds; others may need long for the first token
FIGURES_S = 5.0  # after the answer's end its figures may follow
GOODBYE_S = 0.2  # after its last word a server ends the response, and the connection can be used again
LONGEST_BODY = 4 * 2**20  # bytes of a response that is no stream


class InferenceClient:
    """One endpoint. Raises ConfigError when the key cannot be sent.

    Args:
        base_url: ends in /v1.
        api_key: sent as a bearer token.
        show_reasoning: show what a model thinks before it answers, as a quote.
        named: the default model by the operator's will; empty: the first that can chat.
        context: tokens of prompt and answer together where the endpoint does not say; None: not known.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        show_reasoning: bool = False,
        named: str = "",
        context: int | None = None,
    ) -> None:
        self._show_reasoning = show_reasoning
        self._named, self._context = named, context
        headers = {"Authorization": f"Bearer {api_key}"} if checked(api_key) else {}
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S, pool=CONNECT_S)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        # Proxy variables of the environment are for the internet; the model is in the building.
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/", headers=headers, timeout=timeout, limits=limits, trust_env=False
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def models(self) -> list[ModelInfo]:
        """What can be asked, at least one; the default first. A model that is named needs no list.

        Raises:
            ServiceUnavailableError: the endpoint is away, or has no model yet.
            RequestRejectedError: it refuses us, for example by our key.
        """
        try:
            listed = await self._listed()
        except InferenceError:
            if not self._named:
                raise
            listed = []
        found = in_order(listed, self._named, self._context)
        if not found:
            raise ServiceUnavailableError("the inference service has no model yet")
        return found

    async def _listed(self) -> list[ModelInfo]:
        try:
            patience = httpx.Timeout(LIST_S, connect=CONNECT_S)
            headers = logs.headers() | tracing.headers()
            async with self._http.stream("GET", "models", headers=headers, timeout=patience) as response:
                content = await _content(response)
                if not response.is_success:
                    raise refusal(response.status_code, content, response.headers)
            return read(content)
        except httpx.HTTPError as error:
            raise _away(error) from error
        except (*STRANGE, KeyError) as error:
            raise ServiceUnavailableError(
                "the inference service answered with something else than a list of models"
            ) from error

    async def ready(self) -> bool:
        """Whether the endpoint would take a request now."""
        try:
            await self._listed()
        except InferenceError:
            return False
        return True

    async def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int | None = None, session: str = ""
    ) -> AsyncGenerator[ReplyEvent]:
        """Ask, and yield what an engine does (`Queued`, `Delta` and one last `Finished`), and what only others say.

        `max_tokens` are the most of the answer; how they are chosen is left to the server and its model's card.
        `session` names the conversation: routers before several replicas (Ray Serve, vLLM's) send what has the same
        name to the same replica, whose cache knows the beginning. Only its hash leaves this process.

        Raises:
            ServiceUnavailableError: it is away, busy, or broke off before the end: the same request may succeed later.
            RequestRejectedError: it refused this request for good.
        """
        reply = Reply(show_reasoning=self._show_reasoning)
        body = _body(messages, model, max_tokens)
        headers = logs.headers() | tracing.headers()
        if session:
            headers[SESSION] = hashlib.sha256(session.encode()).hexdigest()[:32]
        try:
            async with self._http.stream("POST", "chat/completions", json=body, headers=headers) as response:
                if not response.is_success:
                    raise refusal(response.status_code, await _content(response), response.headers)
                if response.headers.get("Content-Type", "").startswith("application/json"):
                    for event in reply.whole(await _content(response)):
                        yield event
                else:
                    async with aclosing(_pieces(response, reply)) as pieces:
                        async for piece in pieces:
                            for event in reply.feed(piece):
                                yield event
        except httpx.HTTPError as error:
            raise _away(error) from error
        for event in reply.close():
            yield event


async def _pieces(response: httpx.Response, reply: Reply) -> AsyncGenerator[bytes]:
    """What comes, until the reply is over. A server that leaves the connection open after that is not waited for."""
    pieces = response.aiter_bytes()
    is_last = False
    while not is_last:
        is_last = reply.is_over
        patience = GOODBYE_S if is_last else FIGURES_S if reply.has_ended else None
        try:
            async with asyncio.timeout(patience):
                piece = await anext(pieces, b"")
        except TimeoutError:
            return
        if not piece:
            return
        if not is_last:
            yield piece


async def _content(response: httpx.Response) -> bytes:
    """A whole body, or as much of it as anybody needs."""
    found = bytearray()
    async for piece in response.aiter_bytes():
        found += piece
        if len(found) > LONGEST_BODY:
            break
    return bytes(found)


def _body(messages: Sequence[Message], model: str, max_tokens: int | None) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        **({} if max_tokens is None else {"max_tokens": max_tokens}),
    }


def _away(error: httpx.HTTPError) -> ServiceUnavailableError:
    return ServiceUnavailableError(f"the inference service does not answer ({type(error).__name__}: {error})")
