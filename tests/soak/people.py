"""The people of one platform: they ask in bursts, wait, change their minds, and all of it by dice."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable

from tests.soak.far_ends import FarEnd
from tests.soak.plan import Plan
from tests.soak.questions import Question

LOOK_EVERY_S = 0.3
MOST_OPEN = 4  # unanswered questions of a thread; the queue takes ten
BURST = 0.5  # share of questions that are not waited for before the next one
AGAIN = 0.2  # share of edits after which there is another one
FIRST_S = 3.0
HOLD_S = 400.0  # longer than an event may be delivered again
HESITATE_S = 1.0


class People:
    """Everybody of one platform, and what they asked."""

    def __init__(self, end: FarEnd, plan: Plan, first_number: int) -> None:
        self.end = end
        self.questions: list[Question] = []
        self._plan = plan
        self._next = first_number
        self._threads: dict[int, list[Question]] = defaultdict(list)
        self._thoughts: list[asyncio.Task[None]] = []

    @property
    def done(self) -> float:
        """Share of the questions that are asked."""
        return len(self.questions) / self._plan.messages

    @property
    def open(self) -> int:
        """Questions without the whole answer to what they say now."""
        return sum(self._open(thread) for thread in self._threads)

    async def ask_all(self) -> None:
        """Ask every question, and think again of some; returns when nobody wants anything more."""
        counts = [self._plan.messages // self._plan.threads] * self._plan.threads
        counts[0] += self._plan.messages % self._plan.threads
        try:
            await asyncio.gather(*(self._ask_in(thread, count) for thread, count in enumerate(counts)))
            await asyncio.gather(*self._thoughts)
        finally:
            for thought in self._thoughts:
                thought.cancel()
            await asyncio.gather(*self._thoughts, return_exceptions=True)

    async def _ask_in(self, thread: int, count: int) -> None:
        """One thread: bursts, and pauses until all is answered."""
        dice = random.Random(f"{self._plan.seed} {self.end.name} {thread}")  # noqa: S311 - dice
        await asyncio.sleep(dice.uniform(0, FIRST_S))
        for _ in range(count):
            await _until(lambda: self.end.may_ask(thread) and self._open(thread) < MOST_OPEN)
            await asyncio.sleep(dice.uniform(0, 2 * self._plan.pause_s))
            question = await self._ask(thread)
            if dice.random() < self._plan.changed:
                await self._think_again(question, random.Random(dice.random()))  # noqa: S311 - dice
            await asyncio.sleep(dice.uniform(0, 0.5))
            if dice.random() > BURST:
                await _until(lambda: not self._open(thread))

    async def _ask(self, thread: int) -> Question:
        await _until(lambda: self.end.may_ask(thread))  # its first message may have been deleted since
        question = Question(self._next, thread, self.end.now())
        self._next += 1
        self.questions.append(question)
        self._threads[thread].append(question)
        await self.end.ask(question)
        return question

    async def _think_again(self, question: Question, dice: random.Random) -> None:
        """Edit, delete or redo. Who edits asks nothing more there until that is answered.

        For the bot leaves an answer as it is when a later one stands below it, and nobody could tell which edits it
        has to follow otherwise. Who has waited HOLD_S in vain goes on asking, and edits no more.
        """
        what = dice.choice(self.end.can)
        change = asyncio.create_task(self._change(question, what, dice))
        self._thoughts.append(change)
        if what == "edit":
            await asyncio.wait({change}, timeout=HOLD_S)

    async def _change(self, question: Question, what: str, dice: random.Random) -> None:
        """At once, while it is answered, or afterwards."""
        when = dice.choice(("at once", "meanwhile", "afterwards"))
        if what == "redo" or when == "afterwards":
            await _until(lambda: question.newest in self.end.whole(question.thread))
        elif when == "meanwhile":
            await _until(lambda: question.number in self.end.begun(question.thread))
        await asyncio.sleep(dice.uniform(0, HESITATE_S))
        if what == "delete":
            question.is_deleted = True
            await self.end.delete(question)
        elif what == "redo":
            question.redone += 1
            await self.end.redo(question)
        elif question is self._threads[question.thread][-1]:
            question.version += 1
            await self.end.edit(question)
            if dice.random() < AGAIN:
                await self._change(question, what, dice)
            await _until(lambda: question.newest in self.end.whole(question.thread))

    def _open(self, thread: int) -> int:
        stands = self.end.whole(thread)
        return sum(not one.is_deleted and one.newest not in stands for one in self._threads[thread])


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(LOOK_EVERY_S)
