"""Files are read no further than the bound, and from where they may be read only."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from glados_bots.attachments import downloads
from glados_bots.attachments.downloads import Download, DownloadError, download
from glados_bots.surface import PlatformAwayError


class Host:
    """A server that answers with these bytes; how many of them it could send is counted."""

    def __init__(self, *heads: str, body: bytes = b"", endless: bool = False) -> None:
        self._heads = list(heads)
        self._body = body
        self._endless = endless
        self.sent = 0
        self.requests: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = self._heads.pop(0) if len(self._heads) > 1 else self._heads[0]
        try:
            writer.write(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode() + self._body)
            await writer.drain()
            while self._endless:
                writer.write(b"x" * 65_536)
                await writer.drain()
                self.sent += 65_536
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(host: Host) -> AsyncIterator[str]:
    async with await asyncio.start_server(host.answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/file"


def ours(url: str) -> bool:
    return urlsplit(url).hostname == "127.0.0.1"


async def test_a_file_is_read_with_what_its_server_calls_it() -> None:
    async with serving(Host("200 OK\r\nContent-Type: Text/Plain; charset=utf-8", body=b"hello")) as url:
        assert await download(url, 100, is_ours=ours) == Download(b"hello", "text/plain", url)
        assert await download(url, 5, is_ours=ours) == Download(b"hello", "text/plain", url)
        with pytest.raises(DownloadError, match="larger"):
            await download(url, 4, is_ours=ours)


@pytest.mark.parametrize("announced", ["Content-Length: 100", "X-None: 1"])
async def test_nothing_is_read_beyond_the_bound_whatever_was_announced(announced: str) -> None:
    host = Host(f"200 OK\r\n{announced}", endless=announced != "Content-Length: 100", body=b"y" * 100)
    async with serving(host) as url:
        with pytest.raises(DownloadError, match="larger"):
            await download(url, 50, is_ours=ours)
    assert host.sent < 64 * 2**20, "buffers of the system, not a gigabyte"


async def test_a_compressed_body_is_refused() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    host = Host(f"200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}", body=bomb)
    async with serving(host) as url:
        with pytest.raises(DownloadError, match="compressed"):
            await download(url, 100, is_ours=ours)
    assert "accept-encoding: identity" in host.requests[0].lower()


async def test_a_redirect_is_followed_to_ones_own_hosts_only_and_takes_the_key_nowhere_else() -> None:
    async with serving(Host("200 OK", body=b"here")) as home:
        near = Host(f"302 Found\r\nLocation: {home}")
        async with serving(near) as url:
            assert (await download(url, 100, is_ours=ours)).content == b"here"
    foreign = Host("200 OK", body=b"secret")
    async with serving(foreign) as elsewhere:
        other = elsewhere.replace("127.0.0.1", "localhost")
        for target in (other, "file:///etc/passwd", "//evil.example/x", "gopher:x", "http://[", "http://a b/"):
            async with serving(Host(f"302 Found\r\nLocation: {target}")) as url:
                with pytest.raises(DownloadError, match="own servers"):
                    await download(url, 100, is_ours=ours, headers={"Authorization": "Bearer key"})
    assert not foreign.requests


async def test_circles_and_refusals_end() -> None:
    async with serving(Host("302 Found\r\nLocation: /file")) as url:
        with pytest.raises(DownloadError, match="circles"):
            await download(url, 100, is_ours=ours)
    async with serving(Host("403 Forbidden", body=b"no")) as url:
        with pytest.raises(DownloadError, match="status 403"):
            await download(url, 100, is_ours=ours)


@pytest.mark.parametrize("status", ["429 X\r\nRetry-After: 4000", "429 X\r\nRetry-After: soon", "503 X"])
async def test_a_server_with_too_much_to_do_is_away(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "LONGEST_NAP_S", 0.0)
    async with serving(Host(status)) as url:
        with pytest.raises(PlatformAwayError):
            await download(url, 100, is_ours=ours)
    with pytest.raises(PlatformAwayError):
        await download(url, 100, is_ours=ours)


async def test_an_address_that_is_none_is_nobodys() -> None:
    with pytest.raises(DownloadError, match="own servers"):
        await download("http://127.0.0.1:x/", 100, is_ours=ours)
