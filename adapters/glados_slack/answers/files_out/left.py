"""Deletes files that nobody wants any more: replaced, left by a process that died, or of a turn that was forgotten."""

import asyncio
import logging
import time
from collections.abc import Mapping

from glados_bots.errors import StoreUnavailableError
from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_bots.surface import PlaceGoneError, PlatformAwayError
from glados_slack.answers.files_out.notes import Upload, UploadNotes
from glados_slack.answers.files_out.uploads import Uploads
from glados_slack.connection.calls import RefusedError

log = logging.getLogger(__name__)

EVERY_S = 5.0  # looks for what is left
FORGOTTEN_EVERY_S = 30.0  # looks for files of turns that were forgotten
OPEN_S = 600.0  # nobody is at an upload any more that began so long ago
LATE_S = 60.0  # Slack may complete an upload so long after its process has died
PAUSE_S = 30.0  # before the next try at what could not be deleted


class LeftUploads:
    """Of all processes; each looks."""

    def __init__(self, store: Store, notes: UploadNotes, uploads: Uploads) -> None:
        self._store = store
        self._notes = notes
        self._uploads = uploads
        self._looked_at = 0.0

    async def run(self) -> None:
        """Look for what is left, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.tidy()
            except StoreUnavailableError as error:
                log.info("%s", error)
            except Exception:
                log.exception("files that are not wanted any more could not be deleted")

    async def tidy(self) -> None:
        if time.monotonic() - self._looked_at >= FORGOTTEN_EVERY_S:
            self._looked_at = time.monotonic()
            await self._notes.find_forgotten()
        for file, upload in (await self._notes.opened()).items():
            is_held = await self._notes.holds(upload, file)
            if is_held and upload.age_s > OPEN_S and await self._is_mine(file):
                await self._find_out(file, upload)
            elif not is_held and await self._is_mine(file):
                await self.erase({file: upload})

    async def erase(self, uploads: Mapping[str, Upload]) -> None:
        """Delete files that no slot has. What fails is tried again by `tidy`."""
        for file, upload in uploads.items():
            try:
                is_gone = await self._uploads.erase(upload.place, file)
            except PlatformAwayError as error:
                log.info("file %s is deleted later: %s", file, error)
                continue
            except PlaceGoneError as error:
                log.info("file %s cannot be deleted: %s", file, error)
                is_gone = True
            if is_gone or upload.age_s > LATE_S:
                await self._notes.erased(file)

    async def _find_out(self, file: str, upload: Upload) -> None:
        """Nobody knows how an upload has ended: either its file stands in its thread, or it is to be deleted."""
        try:
            stands = bool(await self._uploads.shares(upload.place, file))
        except PlatformAwayError:
            return
        except (RefusedError, PlaceGoneError) as error:
            log.info("file %s: %s", file, error)
            stands = False
        if stands:
            await self._notes.done(upload, file)
        else:
            await self._notes.release(file, upload)
            await self.erase({file: upload})

    async def _is_mine(self, file: str) -> bool:
        """Whether no other process sees to it just now, or has failed at it a moment ago."""
        name = f"{self._store.prefix}tidying:{file}"
        return bool(await reply_of(self._store.client.set(name, 1, nx=True, px=int(PAUSE_S * 1000))))
