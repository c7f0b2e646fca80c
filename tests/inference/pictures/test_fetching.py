"""Addresses in requests: what is fetched, and that nothing reaches a network that is not public."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from glados_bots.errors import PictureRefusedError
from glados_bots.inference.pictures import fetching
from glados_bots.inference.pictures.bounds import MOST_BYTES
from glados_bots.inference.pictures.fetching import PictureFetcher, PublicOnly, is_public
from tests.inference.pictures.draw import drawn
from tests.servers import running

NUMBERS = """
127.0.0.1 127.1.2.3 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.254 192.168.0.1 192.168.255.1
169.254.169.254 169.254.0.1 100.64.0.1 100.100.100.200 192.0.0.1 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.1
203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 168.63.129.16 192.88.99.1
:: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 ::7f00:1 fe80::1 fe80::1%eth0 fec0::1 fc00::1
fd00:ec2::254 ff02::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2002:a00:1:: 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
2001::1 2001:0:53aa:64c:0:fbff:80ff:fffe 2001:db8::1 100::1 2001:10::1 3fff::1 nonsense
""".split()
# The resolver reads the first ones as numbers of this machine; the others are refused before it is asked.
ADDRESSES = [
    "http://127.0.0.1/", "http://localhost/", "http://LOCALHOST/", "http://127.1/", "http://0/", "http://2130706433/",
    "http://0x7f000001/", "http://0177.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::]/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://user@1.1.1.1/", "http://user:password@1.1.1.1/", "http://1.1.1.1@127.0.0.1/", "http://1.1.1.1:6379/",
    "https://1.1.1.1:80/", "http://1.1.1.1:443/", "http://1.1.1.1:22/", "ftp://1.1.1.1/", "file:///etc/passwd",
    "gopher://1.1.1.1/", "unix:///tmp/socket", "javascript:alert(1)", "http:///picture", "//1.1.1.1/", "/etc/passwd",
    "", "http://", "http://[::1", "http://1.1.1.1:99999/", "http://a b/", "http://1.1.1.1\r\nHost: x/",
    "HTTP:127.0.0.1",
]  # fmt: skip


class Recorder(httpcore.AsyncMockBackend):
    """Notes what would have been connected to."""

    def __init__(self) -> None:
        super().__init__([])
        self.connected: list[tuple[str, int]] = []

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        self.connected.append((host, port))
        raise httpcore.ConnectError("nobody is there")


def finds(*numbers: str) -> fetching.Resolve:
    async def resolve(host: str, port: int) -> Iterable[str]:
        del host, port
        return numbers

    return resolve


@pytest.mark.parametrize("number", NUMBERS)
async def test_no_packet_goes_to_a_number_that_is_not_public(number: str) -> None:
    recorder = Recorder()
    for numbers in ((number,), ("1.1.1.1", number), (number, "1.1.1.1")):
        fetcher = PictureFetcher(PublicOnly(finds(*numbers), recorder))
        for scheme in ("http", "https"):
            with pytest.raises(PictureRefusedError, match="not on the public internet"):
                await fetcher.fetch(f"{scheme}://pictures.example/a.png")
    assert not recorder.connected


@pytest.mark.parametrize("address", ADDRESSES)
async def test_no_packet_follows_an_address_of_a_wrong_form(address: str) -> None:
    recorder = Recorder()
    with pytest.raises(PictureRefusedError):
        await PictureFetcher(PublicOnly(inner=recorder)).fetch(address)
    assert not recorder.connected


@pytest.mark.parametrize("number", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "93.184.216.34"])
async def test_a_public_number_is_connected_to_as_it_was_checked(number: str) -> None:
    recorder = Recorder()
    assert is_public(number)
    with pytest.raises(PictureRefusedError, match="try again"):
        await PictureFetcher(PublicOnly(finds(number, "9.9.9.9"), recorder)).fetch("https://pictures.example/a.png")
    assert recorder.connected == [(number, 443)]


async def test_a_name_is_resolved_once_and_a_second_answer_changes_nothing() -> None:
    """DNS rebinding: the name is public when it is checked, and private when it is asked again."""
    answers = iter([["1.1.1.1"], ["127.0.0.1"]])

    async def resolve(host: str, port: int) -> Iterable[str]:
        del host, port
        return next(answers)

    recorder = Recorder()
    with pytest.raises(PictureRefusedError):
        await PictureFetcher(PublicOnly(resolve, recorder)).fetch("http://pictures.example/")
    assert recorder.connected == [("1.1.1.1", 80)]
    assert next(answers) == ["127.0.0.1"]


@asynccontextmanager
async def pictures() -> AsyncIterator[tuple[PictureFetcher, str]]:
    """A fetcher that may reach a server on this machine by the name `pictures.test`, and no other name."""

    async def endless(_: Request) -> Response:
        async def zeros() -> AsyncIterator[bytes]:
            while True:
                yield bytes(2**20)
                await asyncio.sleep(0)  # lets the server notice that nobody reads

        return StreamingResponse(zeros())

    async def slow(request: Request) -> Response:
        while not await request.is_disconnected():
            await asyncio.sleep(0.02)
        return Response()

    def leads(where: str) -> Any:
        return lambda request: RedirectResponse(where.format(base=str(request.base_url)))

    routes = {
        "/good": lambda request: Response(drawn(1), headers={"X-Sent": str(dict(request.headers))}),
        "/gone": lambda _: Response(status_code=404),
        "/packed": lambda _: Response(b"x", headers={"Content-Encoding": "gzip"}),
        "/endless": endless,
        "/slow": slow,
        "/one-on": leads("{base}good"),
        "/loop": leads("{base}loop"),
        "/inside": leads("http://metadata.test/latest/meta-data"),
        "/other-port": leads("http://pictures.test:6379/"),
        "/file": leads("file:///etc/passwd"),
        "/invalid": leads("http://[::1"),
    }
    async with running(Starlette(routes=[Route(path, do) for path, do in routes.items()])) as url:
        port = int(url.rpartition(":")[2])

        async def resolve(host: str, port: int) -> Iterable[str]:
            del port
            return ["127.0.0.1"] if host == "pictures.test" else ["169.254.169.254"]

        network = PublicOnly(resolve, may=lambda number: number == "127.0.0.1")
        yield PictureFetcher(network, {"http": port}), f"http://pictures.test:{port}"


async def test_a_picture_is_fetched_and_a_redirect_is_followed() -> None:
    async with pictures() as (fetcher, base):
        assert await fetcher.fetch(f"{base}/good") == await fetcher.fetch(f"{base}/one-on") == drawn(1)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("gone", "answered 404"),
        ("packed", "compresses"),
        ("loop", "leads on and on"),
        ("inside", "not on the public internet|usual ports"),
        ("other-port", "usual ports"),
        ("file", "only http and https"),
        ("invalid", "not valid"),
        ("endless", f"at most {MOST_BYTES // 2**20} MiB"),
    ],
)
async def test_a_server_cannot_lead_elsewhere_or_send_without_end(path: str, why: str) -> None:
    async with pictures() as (fetcher, base):
        with pytest.raises(PictureRefusedError, match=why):
            await fetcher.fetch(f"{base}/{path}")


async def test_a_slow_server_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_SECONDS", 0.2)
    async with pictures() as (fetcher, base):
        with pytest.raises(PictureRefusedError, match="try again"):
            await fetcher.fetch(f"{base}/slow")


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with pictures() as (fetcher, base):
        assert await fetcher.fetch(f"{base}/good") == drawn(1)


def test_there_are_more_than_sixty_forms() -> None:
    assert len({*NUMBERS, *ADDRESSES}) > 80
