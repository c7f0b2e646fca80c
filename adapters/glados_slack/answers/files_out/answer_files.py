"""The files of answers: each stands once under its answer, and goes when the answer begins again or is deleted."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from glados_bots.conversation import Turn
from glados_bots.files_out.answer import whole
from glados_bots.store.store import Store
from glados_bots.surface import OutFile, PlatformAwayError
from glados_bots.wording.sentence import NOTHING, Sentence, joined, say
from glados_slack.answers.files_out.left import LeftUploads
from glados_slack.answers.files_out.notes import Slot, UploadNotes, slot_of
from glados_slack.answers.files_out.uploads import Uploads
from glados_slack.connection.calls import Calls, RefusedError
from glados_slack.connection.files import NO_RIGHT

log = logging.getLogger(__name__)

LOOKS, LOOK_NAP_S = 3, 1.0  # Slack tells a moment later where a new file stands
GIVE_NAPS_S = (2.0, 10.0)  # between tries while Slack is not reachable


class AnswerFiles:
    """Uploads files into the threads of turns.

    Attributes:
        left: deletes what is not wanted any more.
    """

    def __init__(self, store: Store, calls: Calls) -> None:
        self._store = store
        self._uploads = Uploads(calls)
        self._notes = UploadNotes(store)
        self.left = LeftUploads(store, self._notes, self._uploads)

    async def agree(self, turn: Turn, files: Sequence[OutFile]) -> Sentence:
        """Let these files stand below an answer that has ended, and no others but the whole of it, for who wanted that.

        Returns:
            Which of them Slack does not take, and why.

        Raises what `Calls` raises, but RefusedError.
        """
        wanted = {slot_of(file): file for file in files if file.content}
        known = await self._notes.slots(turn.id)
        if others := known.keys() - wanted.keys():
            await self._drop(turn, others - {await self._whole_of(turn)})
        refused: dict[str, RefusedError] = {}
        for slot, file in wanted.items():
            try:
                await self._bring(turn, file, known.get(slot))
            except RefusedError as error:
                refused[file.name] = error
        return _refused(turn, list(refused), next(iter(refused.values()))) if refused else NOTHING

    async def take_away(self, turn: Turn) -> None:
        """Delete all files of an answer. What cannot be deleted now is deleted later."""
        if known := await self._notes.slots(turn.id):
            await self._drop(turn, known)

    async def give(self, turn: Turn, file: OutFile) -> Sentence:
        """Let a file stand below an answer, because somebody wants it; says why if that fails.

        A file that stands there already, or is on its way, is not uploaded again, unless a person has deleted it.
        """
        async with self._notes.alone(turn, slot_of(file)) as is_alone:
            if not is_alone:
                return NOTHING
            for nap in (*GIVE_NAPS_S, None):
                try:
                    await self._give(turn, file)
                except RefusedError as error:
                    return _refused(turn, [file.name], error)
                except PlatformAwayError as error:
                    if nap is None:
                        return _refused(turn, [file.name], error)
                    await asyncio.sleep(nap)
                else:
                    break
        return NOTHING

    async def _give(self, turn: Turn, file: OutFile) -> None:
        slot = slot_of(file)
        known = (await self._notes.slots(turn.id)).get(slot)
        if known and known.is_there and await self._uploads.shares(turn.place, known.file) is None:
            await self._drop(turn, [slot])
            known = None
        await self._bring(turn, file, known)

    async def _bring(self, turn: Turn, file: OutFile, known: Slot | None) -> None:
        """Upload a file, unless it stands there. `known` is what is noted of it."""
        slot = slot_of(file)
        if known and (known.is_there or await self._has_come(turn, slot, known.file)):
            return
        if known:
            await self._drop(turn, [slot])
        announced = await self._uploads.announce(turn.place, file.name, len(file.content))
        upload = await self._notes.begin(turn, slot, announced.file)
        try:
            await self._uploads.send(announced, file.content)
            await self._uploads.complete(
                turn.place, announced, file.name, channel=turn.place["channel"], thread=turn.place["thread"]
            )
        except RefusedError:
            await self._drop(turn, [slot])
            raise
        if not await self._notes.done(upload, announced.file):
            await self.left.erase({announced.file: upload})
            raise PlatformAwayError("the file was taken away while it was uploaded")

    async def _has_come(self, turn: Turn, slot: str, file: str) -> bool:
        """Whether an upload of which nobody noted the end has put its file into the thread."""
        for look in range(LOOKS):
            if look:
                await asyncio.sleep(LOOK_NAP_S)
            try:
                shares = await self._uploads.shares(turn.place, file)
            except RefusedError as error:
                log.info("turn %s: cannot look for a file: %s", turn.id, error)
                return False
            if shares is None:
                return False
            if any(one.channel == turn.place["channel"] and one.thread == turn.place["thread"] for one in shares):
                return await self._notes.done(self._notes.upload(turn, slot), file)
        return False

    async def _drop(self, turn: Turn, slots: Iterable[str]) -> None:
        await self.left.erase(await self._notes.drop(turn, slots))

    async def _whole_of(self, turn: Turn) -> str:
        """The slot of the whole answer that is about to be shown as ended."""
        exchange = await self._store.ending(turn.id)
        return slot_of(whole(exchange.answer)) if exchange else ""


def _refused(turn: Turn, names: Sequence[str], error: Exception) -> Sentence:
    log.warning("turn %s: files cannot be attached: %s", turn.id, error)
    needs_right = isinstance(error, RefusedError) and error.code in NO_RIGHT
    return joined(say("files-refused", files=tuple(names)), say("slack-files-need-right") if needs_right else NOTHING)
