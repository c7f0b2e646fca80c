"""The adapters' client of any OpenAI-compatible endpoint. It never retries: turns/answering.py decides that."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import httpx

from glados_bots import logs, tracing
from glados_bots.conversation import Message, Picture
from glados_bots.errors import InferenceError, ServiceUnavailableError
from glados_bots.wire.bodies import content_of
from glados_bots.wire.credentials import checked
from glados_bots.wire.events import EFFORTS
from glados_bots.wire.model_list import ModelInfo, in_order, read
from glados_bots.wire.own_lists import OwnLists
from glados_bots.wire.refusals import STRANGE, refusal
from glados_bots.wire.reply import Reply, ReplyEvent

CONNECT_S = 5.0
LIST_S = 10.0  # people wait for the list: `/status`, and a turn before it says that the model is not reachable
SESSION = "X-Session-Id"  # the header that Ray Serve reads
IDLE_S = 2.0  # uvicorn, and so many a server, closes what is idle for 5 s: we never write to such a connection
SILENCE_S = 120.0  # our service sends something every ten seconds; others may need long for the first token
FIGURES_S = 5.0  # longest wait for the token counts after the answer's end
GOODBYE_S = 0.2  # longest wait for the response's end; if it comes, the connection can be used again


class InferenceClient:
    """The client of one endpoint. Raises ConfigError when a header cannot carry the key.

    Args:
        base_url: the address, with /v1 at its end.
        api_key: sent as a bearer token.
        show_reasoning: show what a model thinks before it answers, as a quote.
        named: the default model that the operator has set; empty for the first that can chat.
        context: tokens of prompt and answer together if the endpoint does not tell them; None if not known.
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
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=IDLE_S)
        # Proxy variables of the environment are for the internet; the model is in our network.
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/", headers=headers, timeout=timeout, limits=limits, trust_env=False
        )
        self._own_lists = OwnLists(self._http)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def models(self) -> list[ModelInfo]:
        """The models that can chat, at least one; the default first. A named model needs no list.

        Raises:
            ServiceUnavailableError: the endpoint is not reachable, or has no model yet.
            RequestRejectedError: the endpoint refuses us, for example because of our key.
        """
        try:
            listed = await self._listed(in_full=True)
        except InferenceError:
            if not self._named:
                raise
            listed = []
        found = in_order(listed, self._named, self._context)
        if not found:
            raise ServiceUnavailableError("the inference service has no model yet")
        return found

    async def _listed(self, *, in_full: bool = False) -> list[ModelInfo]:
        """The models. `in_full`: if the list has names only, ask for a list of the server's own."""
        try:
            patience = httpx.Timeout(LIST_S, connect=CONNECT_S)
            headers = logs.headers() | tracing.headers()
            async with self._http.stream("GET", "models", headers=headers, timeout=patience) as response:
                content = await content_of(response)
                if not response.is_success:
                    raise refusal(response.status_code, content, response.headers)
            listed = read(content)
            is_bare = in_full and not any(model.is_described for model in listed)
            return read(content, await self._own_lists.ask()) if is_bare else listed
        except httpx.HTTPError as error:
            raise _away(error) from error
        except (*STRANGE, KeyError) as error:
            raise ServiceUnavailableError(
                "the inference service answered with something else than a list of models"
            ) from error

    async def ready(self) -> bool:
        """Whether the endpoint would accept a request now."""
        try:
            await self._listed()
        except InferenceError:
            return False
        return True

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int | None = None,
        session: str = "",
        thinking: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[ReplyEvent]:
        """Ask, and yield an engine's events (`Queued`, `Delta` and one last `Finished`), and those of other servers.

        `thinking` holds further fields, see `thinking_forms`. `max_tokens` limits the answer; the server and
        its model's card set how tokens are chosen. `session` names the conversation: routers before several
        replicas (Ray Serve, vLLM's) send requests with the same name to the same replica, because its cache
        holds the beginning. Only a hash of the name leaves this process.

        Raises:
            ServiceUnavailableError: the endpoint is not reachable, busy, or broke off: the request may succeed later.
            RequestRejectedError: the endpoint refused this request for good.
        """
        reply = Reply(show_reasoning=self._show_reasoning)
        body = {**_body(messages, model, max_tokens), **(thinking or {})}
        headers = logs.headers() | tracing.headers()
        if session:
            headers[SESSION] = hashlib.sha256(session.encode()).hexdigest()[:32]
        try:
            async with self._http.stream("POST", "chat/completions", json=body, headers=headers) as response:
                if not response.is_success:
                    raise refusal(response.status_code, await content_of(response), response.headers)
                if response.headers.get("Content-Type", "").startswith("application/json"):
                    for event in reply.whole(await content_of(response)):
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


def thinking_forms(level: str, *, is_ours: bool) -> tuple[dict[str, Any], ...]:
    """The ways to ask a server for a level of thinking, the best first; the last asks for nothing.

    Our service, Ollama, OpenAI and vLLM read `reasoning_effort`; vLLM, SGLang and llama.cpp also give
    `chat_template_kwargs` to the template. Servers differ in whether they refuse a field that they do not know.
    """
    if not level:
        return ({},)
    effort = {"reasoning_effort": next(name for name, meant in EFFORTS.items() if meant == level)}
    if is_ours:
        return (effort, {})
    return ({**effort, "chat_template_kwargs": {"enable_thinking": level != "off"}}, effort, {})


async def _pieces(response: httpx.Response, reply: Reply) -> AsyncGenerator[bytes]:
    """The bytes of the reply. It does not wait for a server that leaves the connection open after the reply."""
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


def _body(messages: Sequence[Message], model: str, max_tokens: int | None) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": message.role, "content": _content_of(message)} for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        **({} if max_tokens is None else {"max_tokens": max_tokens}),
    }


def _content_of(message: Message) -> str | list[dict[str, Any]]:
    """Plain words for a message without pictures, because some servers know no parts."""
    if not message.pictures:
        return message.content
    words = [{"type": "text", "text": message.content or " "}]  # some servers want a text beside pictures
    return [*map(_part_of, message.pictures), *words]


def _part_of(picture: Picture) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:{picture.kind};base64,{picture.data}"}}


def _away(error: httpx.HTTPError) -> ServiceUnavailableError:
    return ServiceUnavailableError(f"the inference service does not answer ({type(error).__name__}: {error})")
