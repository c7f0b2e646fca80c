"""Files of a platform, read no further than a bound, and from its own hosts only.

Whatever was announced, reading stops at the bound. Bodies are taken as they come: what a server has compressed is
refused, as a few bytes may become many.
"""

import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from urllib.parse import urljoin

import httpx

from glados_bots.wording.sentence import Sentence, say

MOST_REDIRECTS = 3
ELSEWHERE = say("file-elsewhere")
READ_S = 10.0  # without a byte


class DownloadError(Exception):
    """A file cannot be had; `why` is for people."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Download:
    """The bytes of a file."""

    content: bytes  # all of them, or the first `most`
    is_whole: bool  # whether that is all
    kind: str  # the media type the server tells


async def fetch(
    url: str, most: int, *, is_ours: Callable[[str], bool], headers: Mapping[str, str] | None = None
) -> Download:
    """At most so many bytes of a file.

    Args:
        url: where it is.
        most: bytes.
        is_ours: whether an address is one of the platform's own; redirects are followed to such only.
        headers: sent to such addresses.

    Raises:
        DownloadError: it lies elsewhere, is compressed, or is refused.
        httpx.HTTPError: the server cannot be reached.
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
            except (httpx.InvalidURL, ValueError) as error:  # httpx looks at the address of a redirect, too
                raise DownloadError(ELSEWHERE) from error
    raise DownloadError(say("file-redirected"))


async def _read(response: httpx.Response, most: int) -> Download:
    if response.status_code != HTTPStatus.OK:
        raise DownloadError(say("file-status", status=str(response.status_code)))
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
    """All certificates of the system take some 20 ms to read."""
    return ssl.create_default_context()
