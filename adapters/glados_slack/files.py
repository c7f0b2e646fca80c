"""Text files people share, read for the model: within caps, and with our token shown to Slack's own hosts only."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from glados_bots.text_files import decoded, is_text, quoted, safe_name

log = logging.getLogger(__name__)

MOST_FILES = 5
MOST_REDIRECTS = 3
LONGEST_S = 2.0  # Slack waits three seconds for the whole event


class UnreadableError(Exception):
    """A file that is not read; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of the files of one message.

    Attributes:
        texts: each file read, as markdown for the model.
        unread: a sentence for each file that was not.
    """

    texts: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it, for the model."""
        return "\n\n".join([*self.texts, *(f"({sentence})" for sentence in self.unread)])


class FileReader:
    """Reads files of messages.

    Args:
        session: for requests; it must not send any Authorization by itself.
        api_base: Slack's Web API: its host and the hosts below it are Slack's own.
        max_bytes: largest file; 0 reads none.
    """

    def __init__(self, session: aiohttp.ClientSession, api_base: str, max_bytes: int) -> None:
        self._session = session
        self._home = urlsplit(api_base)
        self._max_bytes = max_bytes

    async def read(self, files: Iterable[dict[str, Any]], token: str) -> Reading:
        """Read what can be read, all at once, in bounded time."""
        wanted = list(files)
        found = await asyncio.gather(*(self._read(file, token) for file in wanted[:MOST_FILES]))
        reading = Reading()
        for file, (text, problem) in zip(wanted, found, strict=False):
            if problem:
                reading.unread.append(f"The file {_name(file)} was not read: {problem}")
            else:
                reading.texts.append(quoted(_name(file), text))
        if len(wanted) > MOST_FILES:
            reading.unread.append(f"{len(wanted) - MOST_FILES} more files were not read: {MOST_FILES} are the most.")
        return reading

    async def _read(self, file: dict[str, Any], token: str) -> tuple[str, str]:
        """Its text, or what is wrong."""
        try:
            self._check(file)
            async with asyncio.timeout(LONGEST_S):
                return await self._fetch(file, token), ""
        except UnreadableError as error:
            return "", str(error)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("a shared file could not be fetched: %s", type(error).__name__)
            return "", "Slack did not hand it out in time."

    def _check(self, file: dict[str, Any]) -> None:
        if not self._max_bytes:
            raise UnreadableError("reading files is switched off.")
        if file.get("is_external") or file.get("mode") in {"external", "tombstone", "hidden_by_limit"}:
            raise UnreadableError("it does not lie on Slack.")
        if int(file.get("size") or 0) > self._max_bytes:
            raise UnreadableError(f"it is larger than {self._max_bytes // 1000} KB.")
        if not is_text(str(file.get("mimetype")), str(file.get("name"))):
            raise UnreadableError("it is not a text file.")

    async def _fetch(self, file: dict[str, Any], token: str) -> str:
        url = str(file.get("url_private_download") or file.get("url_private") or "")
        for _ in range(MOST_REDIRECTS):
            if not self.is_slack(url):
                raise UnreadableError("it does not lie on Slack.")
            headers = {"Authorization": f"Bearer {token}"}
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status in {301, 302, 303, 307, 308}:
                    url = urljoin(url, response.headers.get("Location", ""))
                    continue
                if response.status != 200:  # noqa: PLR2004 - OK
                    raise UnreadableError(f"Slack answered {response.status}.")
                content = await response.content.read(self._max_bytes + 1)
                while len(content) <= self._max_bytes and (more := await response.content.read(self._max_bytes)):
                    content += more
                return self._text(file, content, response.content_type)
        raise UnreadableError("Slack sent us in circles.")

    def is_slack(self, url: str) -> bool:
        """Whether an address is one of Slack's own, where our token may go."""
        parts, home = urlsplit(url), self._home
        if parts.scheme != home.scheme or not parts.hostname or parts.username or not home.hostname:
            return False
        return parts.port == home.port and (
            parts.hostname == home.hostname or parts.hostname.endswith("." + home.hostname)
        )

    def _text(self, file: dict[str, Any], content: bytes, content_type: str) -> str:
        if len(content) > self._max_bytes:
            raise UnreadableError(f"it is larger than {self._max_bytes // 1000} KB.")
        # Without the right to read files Slack answers 200 with a page to sign in.
        if content_type == "text/html" and len(content) != file.get("size"):
            raise UnreadableError("the app may not read files here (scope `files:read`).")
        text = decoded(content)
        if text is None:
            raise UnreadableError("it is not a text file.")
        return text


def _name(file: dict[str, Any]) -> str:
    return safe_name(str(file.get("name") or "without a name"))
