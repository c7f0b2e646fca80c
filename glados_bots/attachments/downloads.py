"""Downloads files of a platform, up to a limit, and from the platform's own hosts only.

Reading stops at the limit, whatever length a server announces. Compressed bodies are refused, because a few bytes may
become many.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from urllib.parse import urljoin

import httpx

from glados_bots.surface import PlatformAwayError, UnreadableError
from glados_bots.wording.sentence import Sentence, say

MB = 2**20
MOST_REDIRECTS = 3
ELSEWHERE = say("file-elsewhere")
READ_S = 10.0  # longest wait for the next byte
LONGEST_NAP_S = 20.0  # after a refusal of too many downloads


class DownloadError(UnreadableError):
    """A file cannot be downloaded. `status` is what the server answered, or 0."""

    def __init__(self, why: Sentence, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Download:
    """A downloaded file."""

    content: bytes
    kind: str  # the media type that the server tells
    url: str  # the address that it came from, after all redirects


async def download(
    url: str, most: int, *, is_ours: Callable[[str], bool], headers: Mapping[str, str] | None = None
) -> Download:
    """Download a file of at most `most` bytes.

    Args:
        url: the address of the file.
        most: the limit in bytes.
        is_ours: tells whether an address is the platform's own. Redirects are followed to such addresses only.
        headers: sent to the platform's own addresses.

    Raises:
        DownloadError: the file is on another host, is compressed, is longer, or is refused.
        PlatformAwayError: the server is not reachable, or has too much to do.
    """
    try:
        return await _download(url, most, is_ours, headers or {})
    except (httpx.HTTPError, ValueError) as error:
        raise PlatformAwayError(f"the server of a file does not answer ({type(error).__name__})") from error


async def _download(url: str, most: int, is_ours: Callable[[str], bool], headers: Mapping[str, str]) -> Download:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(verify=_context(), trust_env=False, timeout=READ_S, follow_redirects=False)
        )
        for _ in range(MOST_REDIRECTS + 1):
            if not is_ours(url):
                raise DownloadError(ELSEWHERE)
            try:
                request = client.build_request("GET", url, headers={"Accept-Encoding": "identity", **headers})
                response = await client.send(request, stream=True)
                stack.push_async_callback(response.aclose)
                if not response.has_redirect_location:
                    return Download(await _read(response, most), _kind(response), url)
                url = urljoin(url, response.headers["Location"])
            except (httpx.InvalidURL, ValueError) as error:  # httpx also checks the address of a redirect
                raise DownloadError(ELSEWHERE) from error
    raise DownloadError(say("file-redirected"))


async def _read(response: httpx.Response, most: int) -> bytes:
    status = response.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        await asyncio.sleep(_nap_s(response.headers.get("Retry-After", "")))
        raise PlatformAwayError(f"the server of a file answered with status {status}")
    if status != HTTPStatus.OK:
        raise DownloadError(say("file-status", status=str(status)), status)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise DownloadError(say("file-compressed"))
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > most:
            raise DownloadError(say("file-too-large", most=most // MB))
    return bytes(content)


def _kind(response: httpx.Response) -> str:
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _nap_s(retry_after: str) -> float:
    """Seconds before another try. A server may ask for more than LONGEST_NAP_S; the turn does not wait that long."""
    return min(float(retry_after), LONGEST_NAP_S) if retry_after.isdecimal() else 0.0


@cache
def _context() -> ssl.SSLContext:
    """The system's certificates, read once: that takes some 20 ms."""
    return ssl.create_default_context()
