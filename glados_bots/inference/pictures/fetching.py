"""Fetches pictures from http(s) addresses, if GLADOS_FETCH_PICTURES allows it, and from public addresses only.

A caller chooses the address, and the service stands in a network that the caller may not reach. So every address is
resolved once, all its numbers must be public, and the connection goes to the number that was checked. Each redirect is
checked again. Proxies from the environment are not used: they would resolve the name again.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

import httpcore
import httpx

from glados_bots.errors import PictureRefusedError
from glados_bots.inference.pictures.bounds import MOST_BYTES

MOST_REDIRECTS = 3
MOST_SECONDS = 15.0  # for one picture, with its redirects
PORTS = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)
SENT = [("Accept", "image/png, image/jpeg, image/webp, image/gif"), ("Accept-Encoding", "identity")]
# Numbers that some Pythons call global, but that lead into a cloud's own network, into IPv4 through IPv6, or nowhere.
NOT_PUBLIC = [
    ipaddress.ip_network(text)
    for text in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "::/96", "64:ff9b::/96", "64:ff9b:1::/48",
                 "3fff::/20")
]  # fmt: skip
Resolve = Callable[[str, int], Awaitable[Iterable[str]]]  # host and port -> numbers


def is_public(number: str) -> bool:
    """Whether an IP address is reachable by everybody on the internet. Text that is no address is not."""
    try:
        address = ipaddress.ip_address(number.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped or address.sixtofour or address.teredo or address.is_site_local
    ):
        return False
    if any(address in network for network in NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def resolved(host: str, port: int) -> list[str]:
    """The numbers of a host, as this machine's resolver tells them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class PublicOnly(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only, and to the very number that was checked.

    Args:
        resolve: finds a host's numbers.
        inner: makes the connection.
        may: whether a number may be connected to.
    """

    def __init__(
        self,
        resolve: Resolve = resolved,
        inner: httpcore.AsyncNetworkBackend | None = None,
        may: Callable[[str], bool] = is_public,
    ) -> None:
        self._resolve = resolve
        self._inner = inner or httpcore.AnyIOBackend()
        self._may = may

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the base class has it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises PictureRefusedError if the host has any number that is not public."""
        try:
            numbers = list(await self._resolve(host, port))
        except (OSError, UnicodeError) as error:
            raise PictureRefusedError("the host of this address is not known; check the address") from error
        if not numbers or not all(map(self._may, numbers)):
            raise PictureRefusedError("this address is not on the public internet; send the picture as a data URL")
        return await self._inner.connect_tcp(numbers[0], port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class PictureFetcher:
    """Fetches one picture after another. Args: network: connects; ports: the one port of each scheme."""

    def __init__(self, network: PublicOnly | None = None, ports: dict[str, int] | None = None) -> None:
        self._network = network or PublicOnly()
        self._ports = ports or PORTS

    async def fetch(self, address: str) -> bytes:
        """The bytes at an address. Raises PictureRefusedError with the reason and the remedy."""
        try:
            async with asyncio.timeout(MOST_SECONDS):
                return await self._followed(address)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise PictureRefusedError("the server of this address did not send the picture; try again") from error

    async def _followed(self, address: str) -> bytes:
        for _ in range(MOST_REDIRECTS + 1):
            url = self._checked(address)
            async with self._connections() as pool, pool.stream("GET", _plain(url), headers=SENT) as response:
                headers = httpx.Headers(response.headers)
                if response.status not in REDIRECTS or "location" not in headers:
                    return await _read(response, headers)
                try:
                    address = str(url.join(headers["location"]))
                except (httpx.InvalidURL, ValueError) as error:
                    raise PictureRefusedError("this address leads to another that is not valid") from error
        raise PictureRefusedError("this address leads on and on; give the address of the picture itself")

    def _checked(self, address: str) -> httpx.URL:
        try:
            url = httpx.URL(address)
            port = url.port or self._ports.get(url.scheme)
        except (httpx.InvalidURL, ValueError, UnicodeError) as error:
            raise PictureRefusedError("this is no address; check it") from error
        if url.scheme not in self._ports or not url.host:
            raise PictureRefusedError("only http and https addresses are fetched; send the picture as a data URL")
        if url.userinfo:
            raise PictureRefusedError("an address with a name or a password is not fetched; leave them out")
        if port != self._ports[url.scheme]:
            raise PictureRefusedError("only the usual ports 80 and 443 are fetched; send the picture as a data URL")
        return url

    def _connections(self) -> httpcore.AsyncConnectionPool:
        """A pool for one request: a second request must not find the connection of another check."""
        return httpcore.AsyncConnectionPool(ssl_context=_context(), network_backend=self._network, max_connections=1)


async def _read(response: httpcore.Response, headers: httpx.Headers) -> bytes:
    if response.status != HTTPStatus.OK:
        raise PictureRefusedError(f"the server of this address answered {response.status}; check the address")
    if headers.get("content-encoding", "identity") != "identity":
        raise PictureRefusedError("the server of this address compresses the file; send the picture as a data URL")
    content = bytearray()
    async for piece in response.aiter_stream():
        content += piece
        if len(content) > MOST_BYTES:
            raise PictureRefusedError(f"a picture may have at most {MOST_BYTES // 2**20} MiB; make it smaller")
    return bytes(content)


def _plain(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port or PORTS.get(url.scheme), target=url.raw_path
    )


@cache
def _context() -> ssl.SSLContext:
    """The system's certificates, read once: that takes some 20 ms."""
    return ssl.create_default_context()
