"""How a question comes in: saved before the platform hears of it, or refused with a sentence that says why."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from glados_bots import logs, tracing
from glados_bots.conversation import Turn
from glados_bots.store.leases import Receipt
from glados_bots.store.limits import Excess
from glados_bots.store.store import Store
from glados_bots.wording.sentence import NOTHING, Sentence, say

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a question."""

    # `accepted`; `joined` to a waiting one of the same person; a `duplicate` of one taken in before (then nothing is to
    # be said); `refused` by a limit; or, at the desk, `barred` by the operator's lists, `blocked` at a place where the
    # bot cannot answer, `empty`, `too_long`, or `gone`.
    status: Literal["accepted", "joined", "duplicate", "refused", "barred", "blocked", "empty", "too_long", "gone"]
    ahead: int = 0  # turns of the conversation that go first
    turn: str = ""  # id of the turn that answers it
    # A private sentence for the person who was refused; for `blocked`, what the bot lacks
    refusal: Sentence = NOTHING
    # This person was told the same since the limit was reached: an adapter may leave it at that
    is_repeat: bool = False
    left_out: Sentence = NOTHING  # about what was not read


class Intake:
    """The way in of one platform. Both methods raise StoreUnavailableError: then the platform must not be acked."""

    def __init__(self, store: Store, join_window_s: float) -> None:
        self._store = store
        self._join_window_s = join_window_s

    async def accept(self, turn: Turn, *, dedupe: Sequence[str] = (), joins: bool = True) -> Verdict:
        """Take a question in, once.

        Args:
            turn: the question.
            dedupe: further names of the same event, such as the platform's event id.
            joins: whether it may become part of a waiting question of the same person.
        """
        clean = replace(turn, text=turn.text.encode("utf-8", "replace").decode())  # half a surrogate pair is no text
        window = self._join_window_s if joins else 0.0
        name = f"{self._store.platform}:{turn.id}"
        with logs.about(turn=name), tracing.span("question", turn=name) as mark:
            verdict = _verdict(await self._store.accept(clean, dedupe=dedupe, join_window_s=window))
            log.info("turn %s: %s", turn.id, verdict.status)
            mark.set(status=verdict.status)
        return verdict

    async def redo(self, message: str, by: str, text: str = "") -> Verdict | None:
        """Answer a question again: its text was edited, or somebody wants another answer. It counts as a question.

        Args:
            message: id of the question, or of a message that was joined into it.
            by: who asks for it.
            text: the new text; empty leaves it as it is.

        Returns:
            None when the question is not known, or not any more.
        """
        turn = await self._store.turn(message)
        if turn is None:
            return None
        clean = text.encode("utf-8", "replace").decode()
        receipt = await self._store.redo(message, turn, by, clean)
        return _verdict(receipt) if receipt else None


def _verdict(receipt: Receipt) -> Verdict:
    match receipt:
        case Receipt("full"):
            return Verdict("refused", receipt.ahead, "", say("queue-full", count=receipt.ahead))
        case Receipt("limited", excess=Excess() as excess):
            is_for_all = excess.scope.startswith("server:")  # many people: each is told
            return Verdict("refused", 0, "", excess.sentence, excess.is_repeat and not is_for_all)
        case Receipt("accepted" | "joined" | "duplicate" as status):
            return Verdict(status, receipt.ahead, receipt.turn)
    raise ValueError(f"a receipt must not be {receipt}")
