"""A conversation's name on the wire: the same for each of its requests, and nobody can read the conversation in it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Request

from glados_bots.conversation import Message
from glados_bots.errors import RequestRejectedError
from glados_bots.wire.client import InferenceClient
from tests.servers import running


@pytest.fixture
async def seen() -> AsyncIterator[tuple[InferenceClient, list[str | None]]]:
    """A client, and the session of each request it made."""
    app, sessions = FastAPI(), []

    @app.post("/v1/chat/completions", status_code=400)
    async def refuse(request: Request) -> dict[str, Any]:
        sessions.append(request.headers.get("x-session-id"))
        return {"error": {"message": "no", "code": "no"}}

    async with running(app) as url:
        client = InferenceClient(f"{url}/v1")
        yield client, sessions
        await client.aclose()


async def test_requests_of_one_conversation_have_one_name(seen: tuple[InferenceClient, list[str | None]]) -> None:
    client, sessions = seen
    for session in ("discord general", "discord general", "slack général\n", ""):
        with pytest.raises(RequestRejectedError):
            await anext(client.stream([Message("user", "hi")], model="m", session=session))
    first, again, other, none = sessions
    assert first == again
    assert first != other
    assert first is not None
    assert "general" not in first
    assert none is None
