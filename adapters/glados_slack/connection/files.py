"""Text files people share, read for the model: within caps, and with our token shown to Slack's own hosts only."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from glados_bots.intake.attached import Outcome, as_text, downloaded, read_first
from glados_bots.intake.text_files import Files, may_be_text, safe_name
from glados_bots.wording.sentence import Sentence, say
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls
from glados_slack.connection.installs import Install

MOST_FILES = 5
PATIENCE_FOR_FILES_S = 2.0  # Slack waits three seconds for the whole event
INFO = "files.info"
LONGEST_INFO_S = 0.8  # of these
Json = Mapping[str, Any]


class FileReader:
    """Reads files of messages.

    Args:
        calls: asks what Slack has not told of a file.
        api_base: Slack's Web API: its host and the hosts below it are Slack's own.
        max_bytes: most bytes read of a file; 0 reads none.
    """

    def __init__(self, calls: Calls, api_base: str, max_bytes: int) -> None:
        self._calls = calls
        self._home = urlsplit(api_base)
        self._max_bytes = max_bytes

    async def read(
        self, files: Iterable[Json], install: Install, place: Mapping[str, str], longest_s: float = PATIENCE_FOR_FILES_S
    ) -> Files:
        """Read what can be read, all at once, within so many seconds for each."""
        known = await asyncio.gather(*(self._whole(file, place) for file in files))
        return await read_first(
            known, MOST_FILES, say("file-too-many", most=MOST_FILES),
            is_text=is_candidate, name=_name, read=lambda file: self._read(file, install.token, longest_s),
        )  # fmt: skip

    async def _whole(self, file: Json, place: Mapping[str, str]) -> Json:
        """In Slack Connect channels Slack tells of some files by their id only."""
        if file.get("file_access") != "check_file_info" or not self._max_bytes:
            return file
        if not await self._calls.may(budget(place.get("team", ""), INFO), str(file.get("id"))):
            return file
        try:
            async with asyncio.timeout(LONGEST_INFO_S):
                answer = await self._calls.quietly(place, INFO, file=str(file.get("id")))
        except TimeoutError:
            return file
        found = answer.get("file") if answer else None
        return found if isinstance(found, Mapping) else file

    async def _read(self, file: Json, token: str, longest_s: float) -> Outcome:
        if not self._max_bytes:
            return say("file-off")
        if file.get("is_external") or file.get("mode") in {"external", "tombstone", "hidden_by_limit", "file_access"}:
            return say("file-not-slack")
        url = str(file.get("url_private_download") or file.get("url_private") or "")
        headers = {"Authorization": f"Bearer {token}"}
        found = await downloaded("Slack", url, self._max_bytes, longest_s, is_ours=self.is_slack, headers=headers)
        if isinstance(found, Sentence):
            return found
        # Without the right to read files Slack answers 200 with a page to sign in.
        if found.kind == "text/html" and found.is_whole and len(found.content) != file.get("size"):
            return say("file-no-right")
        return await as_text(_name(file), found)

    def is_slack(self, url: str) -> bool:
        """Whether an address is one of Slack's own, where our token may go."""
        parts, home = urlsplit(url), self._home
        if parts.scheme != home.scheme or not parts.hostname or parts.username or not home.hostname:
            return False
        return parts.port == home.port and (
            parts.hostname == home.hostname or parts.hostname.endswith("." + home.hostname)
        )


def is_candidate(file: Json) -> bool:
    return may_be_text(str(file.get("mimetype") or ""), str(file.get("name") or ""))


def _name(file: Json) -> str:
    return safe_name(str(file.get("name") or file.get("title") or file.get("id")))
