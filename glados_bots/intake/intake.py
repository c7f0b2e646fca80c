"""Accepts questions: saves each before the platform is told, or refuses it with a sentence that says why."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from glados_bots import logs, tracing
from glados_bots.conversation import Turn
from glados_bots.store.leases import Receipt
from glados_bots.store.limits import Excess
from glados_bots.store.store import Edited, Store
from glados_bots.wording.sentence import NOTHING, Sentence, say

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a question."""

    # `accepted`; `joined` to a waiting question of the same person; a `duplicate` of one accepted before (then the bot
    # says nothing); `refused` by a limit; or, at the desk, `barred` by the operator's lists, `blocked` at a place where
    # the bot cannot answer, `empty`, `too_long`, or `gone`.
    status: Literal["accepted", "joined", "duplicate", "refused", "barred", "blocked", "empty", "too_long", "gone"]
    ahead: int = 0  # turns of the conversation that go first
    turn: str = ""  # id of the turn that answers it
    # A private sentence for the refused person; for `blocked`, what the bot lacks
    refusal: Sentence = NOTHING
    # The bot told this person the same since the limit was reached: an adapter may skip it
    is_repeat: bool = False


class Intake:
    """Accepts the questions of one platform. If a method raises StoreUnavailableError, do not ack the platform."""

    def __init__(self, store: Store, join_window_s: float) -> None:
        self._store = store
        self._join_window_s = join_window_s

    async def accept(
        self, turn: Turn, *, dedupe: Sequence[str] = (), joins: bool = True, uploads: Mapping[str, str] = {}
    ) -> Verdict:
        """Accept a question, once.

        Args:
            turn: the question.
            dedupe: more names of the same event, such as the platform's event id.
            joins: whether the question may become part of a waiting question of the same person.
            uploads: as for `Store.accept`.
        """
        clean = replace(turn, text=turn.text.encode("utf-8", "replace").decode())  # half a surrogate pair is no text
        window = self._join_window_s if joins else 0.0
        name = f"{self._store.platform}:{turn.id}"
        with logs.about(turn=name), tracing.span("question", turn=name) as mark:
            verdict = _verdict(await self._store.accept(clean, dedupe=dedupe, join_window_s=window, uploads=uploads))
            log.info("turn %s: %s", turn.id, verdict.status)
            mark.set(status=verdict.status)
        return verdict

    async def redo(self, message: str, by: str, edited: Edited | None = None) -> Verdict | None:
        """Answer a question again, after an edit or for another answer. It counts as a new question.

        Args:
            message: id of the question, or of a message that joined it.
            by: the person who wants it.
            edited: the new content; None keeps the old one.

        Returns:
            None if the question is not known, or not any more.
        """
        turn = await self._store.turn(message)
        if turn is None:
            return None
        clean = replace(edited, text=edited.text.encode("utf-8", "replace").decode()) if edited else None
        receipt = await self._store.redo(message, turn, by, clean)
        return _verdict(receipt) if receipt else None


def _verdict(receipt: Receipt) -> Verdict:
    match receipt:
        case Receipt("full"):
            return Verdict("refused", receipt.ahead, "", say("queue-full", count=receipt.ahead))
        case Receipt("limited", excess=Excess() as excess):
            is_for_all = excess.scope.startswith("server:")  # many people share it: tell each of them
            return Verdict("refused", 0, "", excess.sentence, excess.is_repeat and not is_for_all)
        case Receipt("accepted" | "joined" | "duplicate" as status):
            return Verdict(status, receipt.ahead, receipt.turn)
    raise ValueError(f"a receipt must not be {receipt}")
