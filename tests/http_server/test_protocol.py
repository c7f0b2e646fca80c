"""What every server of ours does on the wire: bounded heads and bodies in size and time, and the standard's corners."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from glados_bots.http_server import protocol
from tests.servers import running
from tests.waiting import until

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /length HTTP/1.1\r\nHost: x\r\n"
left: list[str] = []


async def words(_: Request) -> Response:
    async def spoken() -> AsyncIterator[str]:
        yield "one "
        yield "two"

    return StreamingResponse(spoken())


async def length(request: Request) -> Response:
    return JSONResponse(len(await request.body()))


async def slow(request: Request) -> Response:
    while (await request.receive())["type"] != "http.disconnect":
        continue
    left.append("slow")
    raise ClientDisconnect


async def patient(request: Request) -> Response:
    await asyncio.wait_for(request.app.state.go.wait(), 30)
    return Response("at last")


@asynccontextmanager
async def connected() -> AsyncIterator[
    tuple[Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]], Starlette]
]:
    app = Starlette(routes=[
        Route("/", words), Route("/length", length, methods=["POST"]), Route("/slow", slow), Route("/patient", patient),
    ])  # fmt: skip
    app.state.go = asyncio.Event()
    async with running(app) as url:
        port = int(url.rpartition(":")[2])
        yield lambda: asyncio.open_connection("127.0.0.1", port), app


async def talk(*said: bytes, ends: bool = False) -> bytes:
    """Everything a server answers to this."""
    async with connected() as (connect, _):
        reader, writer = await connect()
        with suppress(ConnectionError):
            for piece in said:
                writer.write(piece)
                await writer.drain()
            if ends:
                writer.write_eof()
        found = b""
        with suppress(ConnectionError):
            while piece := await reader.read(65536):
                found += piece
        writer.close()
        return found


@pytest.mark.parametrize(
    "said",
    [
        [HEAD + b"X-Long: ", *[b"x" * 50_000] * 4],
        [HEAD, *[b"X-Many: y\r\n" * 5000] * 2],
        [b"GET /", *[b"a" * 50_000] * 2],
        [HEAD + b"Connection: keep-alive\r\n\r\n", HEAD + b"X-Second: ", *[b"x" * 50_000] * 2],
        [POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Trailer: ", *[b"x" * 50_000] * 2],
        [b"\r\n" * 40_000],
    ],
    ids=["one header", "many headers", "the address", "the second request", "a trailer", "nothing but line ends"],
)
async def test_a_head_of_more_than_64_kib_is_refused_and_not_kept(said: list[bytes]) -> None:
    answer = await asyncio.wait_for(talk(*said), 30)
    assert b"HTTP/1.1 431 Request Header Fields Too Large\r\n" in answer
    assert b"65536 bytes" in answer


async def test_a_head_just_below_the_bound_and_a_long_body_are_taken() -> None:
    answer = await talk(HEAD + b"Connection: close\r\nX-Long: " + b"x" * 65_000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    body = b"x" * 300_000
    answer = await talk(POST + b"Connection: close\r\nContent-Length: 300000\r\n\r\n" + body)
    assert answer.endswith(b"300000")
    chunk = b"186a0\r\n" + b"x" * 100_000 + b"\r\n"
    answer = await talk(POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 3 + b"0\r\n\r\n")
    assert answer.endswith(b"300000")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET / HT", b"408"),
        (HEAD + b"X-Half", b"408"),
        (HEAD + b"\r\n" + HEAD, b"408"),
        (POST + b"Content-Length: 10\r\n\r\nhalf", b"408"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", b"408"),
        (b"", b""),
    ],
    ids=["first line", "headers", "second request", "body", "chunked body", "nothing"],
)
async def test_half_a_request_does_not_stay_open(said: bytes, status: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.05)
    monkeypatch.setattr(protocol, "BODY_S", 0.05)
    answer = await asyncio.wait_for(talk(said), 30)
    assert status in answer
    assert bool(answer) == bool(status)


async def test_a_whole_request_has_no_such_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.05)
    monkeypatch.setattr(protocol, "BODY_S", 0.05)
    async with connected() as (connect, app):
        reader, writer = await connect()
        writer.write(b"GET /patient HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(0.2)
        app.state.go.set()
        assert b"at last" in await reader.read()
        writer.close()


async def test_an_answer_to_http_1_0_is_not_chunked() -> None:
    head, _, text = (await talk(b"GET / HTTP/1.0\r\n\r\n")).partition(b"\r\n\r\n")
    assert text == b"one two"
    assert b"transfer-encoding" not in head.lower()
    whole = await talk(b"POST /length HTTP/1.0\r\nContent-Length: 2\r\n\r\nab")
    assert whole.endswith(b"\r\n\r\n2")


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("path", [b"/", b"/patient"])
async def test_a_client_that_closes_its_side_gets_its_answer(version: bytes, path: bytes) -> None:
    async with connected() as (connect, app):
        reader, writer = await connect()
        writer.write(b"GET " + path + b" HTTP/" + version + b"\r\nHost: x\r\n\r\n")
        writer.write_eof()
        if version == b"1.1" and path == b"/patient":
            assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        app.state.go.set()
        answer = await reader.read()
        assert b" 200 OK\r\n" in answer
        assert b"at last" in answer or b"two" in answer
        writer.close()


async def test_a_client_that_is_gone_before_its_answer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "ASK_S", 0.02)
    left.clear()
    async with connected() as (connect, _):
        _, writer = await connect()
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await writer.drain()
        writer.close()
        await until(lambda: left)


async def test_one_address_has_half_of_all_connections_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 6)
    async with connected() as (connect, _):
        kept = [await connect() for _ in range(3)]
        reader, writer = await connect()
        assert (await reader.read()).startswith(b"HTTP/1.1 503")
        kept[0][1].close()
        writer.close()

        async def has_room() -> bool:
            reader, writer = await connect()
            writer.write(HEAD + b"Connection: close\r\n\r\n")
            with suppress(ConnectionError):
                answer = await reader.read()
                writer.close()
                return answer.startswith(b"HTTP/1.1 200")
            return False

        await until(has_room)
        for _, each in kept:
            each.close()
