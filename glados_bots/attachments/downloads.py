"""Downloads files of a platform, up to a limit, and from the platform's own hosts only.

Reading stops at the limit, whatever length a server announces. Compressed bodies are refused, because a few bytes may
become many.
"""

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


class DownloadError(UnreadableError):
    """A file cannot be downloaded. `status` is what the server answered, or 0."""

    def __init__(self, why: Sentence, status: int = 0, retry_after: str = "") -> None:
        super().__init__(why)
        self.status = status
        self.retry_after = retry_after  # the header of that answer


@dataclass(frozen=True, slots=True)
class Download:
    """A downloaded file."""

    content: bytes  # all of them, or the first `most`
    is_whole: bool  # whether `content` is the whole file
    kind: str  # the media type that the server tells


async def whole(
    url: str, most: int, *, is_ours: Callable[[str], bool], headers: Mapping[str, str] | None = None
) -> Download:
    """Download a file of at most `most` bytes. The arguments are those of `fetch`.

    Raises:
        DownloadError: as `fetch`, and for a longer file.
        PlatformAwayError: the server is not reachable, or has too much to do.
    """
    try:
        found = await fetch(url, most, is_ours=is_ours, headers=headers)
    except DownloadError as error:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise PlatformAwayError(f"the server of a file answered with status {error.status}") from error
        raise
    except (httpx.HTTPError, ValueError) as error:
        raise PlatformAwayError(f"the server of a file does not answer ({type(error).__name__})") from error
    if not found.is_whole:
        raise DownloadError(say("file-too-large", most=most // MB))
    return found


async def fetch(
    url: str, most: int, *, is_ours: Callable[[str], bool], headers: Mapping[str, str] | None = None
) -> Download:
    """Download at most `most` bytes of a file.

    Args:
        url: the address of the file.
        most: the limit in bytes.
        is_ours: tells whether an address is the platform's own. Redirects are followed to such addresses only.
        headers: sent to the platform's own addresses.

    Raises:
        DownloadError: the file is on another host, is compressed, or is refused.
        httpx.HTTPError: the server is not reachable.
    """
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(verify=_context(), trust_env=False, timeout=READ_S, follow_redirects=False)
        )
        for _ in range(MOST_REDIRECTS + 1):
            if not is_ours(url):
                raise DownloadError(ELSEWHERE)
            request = client.build_request("GET", url, headers={"Accept-Encoding": "identity", **(headers or {})})
            try:
                response = await client.send(request, stream=True)
                stack.push_async_callback(response.aclose)
                if not response.has_redirect_location:
                    return await _read(response, most)
                url = urljoin(url, response.headers["Location"])
            except (httpx.InvalidURL, ValueError) as error:  # httpx also checks the address of a redirect
                raise DownloadError(ELSEWHERE) from error
    raise DownloadError(say("file-redirected"))


async def _read(response: httpx.Response, most: int) -> Download:
    if response.status_code != HTTPStatus.OK:
        why = say("file-status", status=str(response.status_code))
        raise DownloadError(why, response.status_code, response.headers.get("Retry-After", ""))
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise DownloadError(say("file-compressed"))
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > most:
            break
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Download(bytes(content[:most]), len(content) <= most, kind)


@cache
def _context() -> ssl.SSLContext:
    """The system's certificates, read once: that takes some 20 ms."""
    return ssl.create_default_context()
