"""Turns under everything that can happen to them, in any order, on a real server.

Hypothesis looks for an order that breaks the promise. A small model in Python says what must be; the store must agree
after every step.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from glados_bots.conversation import Attachment, Exchange, Turn
from glados_bots.store.connection import connect
from glados_bots.store.leases import Lease
from glados_bots.store.store import Edited, Store
from tests.conftest import as_admin

T = TypeVar("T")
CONVERSATIONS = ("a", "b")
FOREVER_S = 3600.0
BACK = st.integers(0, 3)  # which one, counted from the newest


@dataclass
class Question:
    """What the model knows of one turn: its parts by message, and where it stands."""

    conversation: str
    author: str
    parts: dict[str, str]
    state: str = "queued"
    version: int = 0
    cancel: str | None = None
    touched: bool = False  # a draft or a whole answer is kept with it
    answered: str | None = None  # the text its exchange answers

    @property
    def text(self) -> str:
        return "\n".join(self.parts.values())

    @property
    def files(self) -> list[str]:
        """Ids of its files: each message brings one, named after the message's text."""
        return list(dict.fromkeys(self.parts.values()))


@dataclass
class Expected:
    """What the store must hold."""

    turns: dict[str, Question] = field(default_factory=dict)
    queue: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in CONVERSATIONS})
    history: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in CONVERSATIONS})
    fence: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CONVERSATIONS, 0))
    leased: set[str] = field(default_factory=set)
    into: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


class TurnStates(RuleBasedStateMachine):
    """Two conversations, two people, any number of workers that live, lag and die."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        with redis.Redis.from_url(as_admin(url)) as client:
            client.flushall()
        self._client = connect(url)
        self._store = Store(self._client, "test", ttl=3600, max_exchanges=1000, max_queued=4, lease_s=FOREVER_S)
        self.messages: list[str] = []
        self.leases: list[Lease] = []  # of workers that have not ended: they live, lag, or were overtaken
        self.must = Expected()

    def teardown(self) -> None:
        """Let living workers do what is left; then every message kept has one answer, in the order it was asked."""
        try:
            self._finish_everything()
            for name in CONVERSATIONS:
                assert self._do(self._store.queue(name)) == ()
                asked = [turn for turn in self.must.turns if self.must.turns[turn].conversation == name]
                kept = [turn for turn in asked if turn not in self.must.gone]
                exchanges = self._do(self._store.history(name))
                assert [exchange.turn for exchange in exchanges] == kept
        finally:
            self._do(self._client.aclose())
            self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def _finish_everything(self) -> None:
        for name in sorted(self.must.leased):
            self._expire(name)
        for _ in range(200):
            lease = self._do(self._store.claim())
            if lease is None:
                return
            self._claimed(lease)
            self._end(lease)
        raise AssertionError("there is no end to it")

    # --- people ----------------------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        """There is always a first question."""
        self.ask("a", "ada", joins=False)

    @rule(
        conversation=st.sampled_from(CONVERSATIONS), author=st.sampled_from(["ada", "ada", "bob"]), joins=st.booleans()
    )
    def ask(self, conversation: str, author: str, joins: bool) -> None:
        """A new message."""
        name = f"m{len(self.messages) + 1}"
        self.messages.append(name)
        turn = Turn(name, conversation, author, f"text of {name}", attachments=_files(f"text of {name}"))
        receipt = self._do(self._store.accept(turn, dedupe=[f"event {name}"], join_window_s=60 if joins else 0))
        queue = self.must.queue[conversation]
        last = self.must.turns[queue[-1]] if queue else None
        if len(queue) >= 4:
            assert receipt.status == "full"
            return
        fresh = last and last.state == "queued" and not last.version and not last.cancel and not last.touched
        if joins and last and fresh and last.author == author:
            assert (receipt.status, receipt.turn) == ("joined", queue[-1])
            last.parts[name] = turn.text
            self.must.into[name] = queue[-1]
        else:
            assert (receipt.status, receipt.ahead) == ("accepted", len(queue))
            self.must.turns[name] = Question(conversation, author, {name: turn.text})
            self.must.into[name] = name
            queue.append(name)

    @rule(back=BACK)
    def deliver_again(self, back: int) -> None:
        """The platform repeats an event under another number, or the same."""
        message = self._message(back)
        turn = Turn("other", "a", "ada", "again")
        if message in self.must.into:
            assert self._do(self._store.accept(turn, dedupe=[f"event {message}"])).status == "duplicate"

    @rule(back=BACK)
    def stop(self, back: int) -> None:
        """Stop is pressed."""
        message = self._message(back)
        state = self._do(self._store.change(message, "stop"))
        question = self._question(message, state)
        if question and question.state in {"queued", "running"} and question.cancel != "delete":
            question.cancel = "stop"

    @rule(back=BACK, text=st.sampled_from(["", "edited", "edited again"]))
    def redo(self, back: int, text: str) -> None:
        """A question is edited, or its answer is wanted anew."""
        self._redo(self._message(back), text)

    def _redo(self, message: str, text: str) -> None:
        state = self._do(self._store.change(message, "redo", Edited(text, _files(text)) if text else None))
        question = self._question(message, state)
        if question and text == question.parts.get(message, question.text):
            return  # an edit that was told before
        if question and (question.cancel != "delete" or question.state == "done"):
            if text and message in question.parts:
                question.parts[message] = text
            self._again(self.must.into[message], question)

    @rule(back=BACK)
    def delete(self, back: int) -> None:
        """A question, or a part of it, is deleted."""
        message = self._message(back)
        state = self._do(self._store.change(message, "delete"))
        question = self._question(message, state)
        if not question or message not in question.parts or (question.cancel == "delete" and question.state != "done"):
            return
        name = self.must.into[message]
        if len(question.parts) > 1:
            del question.parts[message]
            self._again(name, question)
        elif question.state == "done":
            self._again(name, question)
            question.cancel = "delete"
        else:
            question.cancel = "delete"

    def _message(self, back: int) -> str:
        return self.messages[-1 - back % len(self.messages)]

    def _question(self, message: str, state: str | None) -> Question | None:
        """The question a message belongs to; the store must see it in the same state."""
        name = self.must.into.get(message)
        if name is None or name in self.must.gone:
            assert state is None
            return None
        assert state == self.must.turns[name].state
        return self.must.turns[name]

    def _again(self, name: str, question: Question) -> None:
        if question.state == "running":
            question.cancel = "redo"
        else:
            question.cancel, question.touched = None, False
        if question.state == "done":
            question.state = "queued"
            question.version += 1
            self.must.queue[question.conversation].append(name)

    # --- workers ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: self._claimable())
    @rule()
    def claim(self) -> None:
        """A worker asks for work."""
        lease = self._do(self._store.claim())
        if not self._claimable():
            assert lease is None
            return
        assert lease is not None
        assert lease.turn.conversation in self._claimable()
        self._claimed(lease)
        self.leases.append(lease)

    def _claimable(self) -> list[str]:
        return [name for name in CONVERSATIONS if self.must.queue[name] and name not in self.must.leased]

    def _claimed(self, lease: Lease) -> None:
        name = lease.turn.conversation
        assert lease.turn.id == self.must.queue[name][0]  # in order
        assert lease.fence > self.must.fence[name]
        self.must.fence[name] = lease.fence
        self.must.leased.add(name)
        question = self.must.turns[lease.turn.id]
        question.state = "running"
        self._same(lease.turn, question)
        assert lease.cancel == question.cancel

    def _same(self, turn: Turn, question: Question) -> None:
        assert turn.text == question.text
        assert [file.id for file in turn.attachments] == question.files

    @precondition(lambda self: self.leases)
    @rule(back=BACK)
    def work_a_little(self, back: int) -> None:
        """Words are shown and kept. A worker that lost its lease changes nothing."""
        lease = self.leases[-1 - back % len(self.leases)]
        held = self._holds(lease)
        assert self._do(self._store.note_draft(lease, "some words")) is held
        assert self._do(self._store.save_posts(lease, lease.turn.id, ["post"])) is held
        assert (self._do(self._store.renew(lease)) is not None) is held
        for file in lease.turn.attachments:
            assert self._do(self._store.keep_contents(lease, file.id, "contents")) is held
        if held:
            question = self.must.turns[lease.turn.id]
            question.touched = True
            self.must.leased.add(lease.turn.conversation)  # it lagged, but nobody took over

    @precondition(lambda self: self.must.leased)
    @rule(back=BACK, overtaken=st.booleans())
    def fall_silent(self, back: int, overtaken: bool) -> None:
        """The holder of a lease dies, or lags: its lease runs out, and another worker may take over."""
        names = sorted(self.must.leased)
        self._expire(names[back % len(names)])
        if overtaken:
            self.claim()

    @precondition(lambda self: self.must.leased)
    @rule(back=BACK, text=st.sampled_from(["", "edited", "edited again"]))
    def redo_running(self, back: int, text: str) -> None:
        """The question that is being answered is edited, or its answer is wanted anew."""
        names = sorted(self.must.leased)
        self._redo(self.must.queue[names[back % len(names)]][0], text)

    def _expire(self, name: str) -> None:
        assert self._do(self._client.zadd("glados:{test}:ready", {name: 0}, xx=True)) == 0  # type: ignore[arg-type]
        self.must.leased.discard(name)

    @precondition(lambda self: self.leases)
    @rule(back=BACK)
    def give_back(self, back: int) -> None:
        """A worker drains."""
        lease = self.leases.pop(-1 - back % len(self.leases))
        held = self._holds(lease)
        self._do(self._store.release(lease))
        if held:
            name = lease.turn.conversation
            self.must.fence[name] += 1
            self.must.leased.discard(name)
            self.must.turns[lease.turn.id].state = "queued"

    @precondition(lambda self: self.leases)
    @rule(back=BACK)
    def end(self, back: int) -> None:
        """A worker has the whole answer; or had, while another took over."""
        self._end(self.leases.pop(-1 - back % len(self.leases)))

    @precondition(lambda self: self._claimable())
    @rule()
    def answer_next(self) -> None:
        """A worker answers without any trouble."""
        count = len(self.leases)
        self.claim()
        if len(self.leases) > count:
            self.end(0)

    def _end(self, lease: Lease) -> None:
        """As TurnRun does: finish, and begin again or delete when that was asked for."""
        for _ in range(3):
            question = self.must.turns[lease.turn.id]
            exchange = None if question.cancel == "delete" else _exchange(lease, question.cancel)
            if not self._holds(lease):
                assert self._do(self._store.finish(lease, exchange)) == "lost"
                return
            ending = self._do(self._store.finish(lease, exchange))
            if ending == "ended":
                self._ended(lease, question, exchange)
                return
            assert ending == question.cancel == "redo"
            restarted = self._do(self._store.restart(lease))
            assert restarted is not None
            self._same(restarted.turn, question)
            question.cancel, question.touched = None, False
            question.version += 1
            lease = restarted
        raise AssertionError("it is begun again and again")

    def _ended(self, lease: Lease, question: Question, exchange: Exchange | None) -> None:
        name = lease.turn.conversation
        assert self.must.queue[name].pop(0) == lease.turn.id
        self.must.leased.discard(name)
        history = self.must.history[name]
        if exchange is None:
            self.must.gone.add(lease.turn.id)
            self.must.history[name] = [turn for turn in history if turn != lease.turn.id]
            return
        if lease.turn.id not in history:
            history.append(lease.turn.id)
        question.state, question.answered = "done", exchange.question
        question.cancel, question.touched = None, False
        if exchange.outcome == "done":
            assert exchange.question == question.text  # no stale text is ever answered for good

    def _holds(self, lease: Lease) -> bool:
        return self.must.fence[lease.turn.conversation] == lease.fence and self._head(lease) == lease.turn.id

    def _head(self, lease: Lease) -> str | None:
        return next(iter(self.must.queue[lease.turn.conversation]), None)

    # --- what always holds -----------------------------------------------------------------------------------------

    @invariant()
    def agrees(self) -> None:
        """The store holds what the model holds."""
        for name in CONVERSATIONS:
            assert list(self._do(self._store.queue(name))) == self.must.queue[name]
            exchanges = self._do(self._store.history(name))
            assert [exchange.turn for exchange in exchanges] == self.must.history[name]
            for exchange in exchanges:
                assert exchange.question == self.must.turns[exchange.turn].answered
        for name, question in self.must.turns.items():
            kept = set(self._do(self._store.contents(name)))
            assert kept <= (set() if name in self.must.gone else set(question.files))


def _files(text: str) -> tuple[Attachment, ...]:
    return (Attachment(text, "a.png"),)


def _exchange(lease: Lease, cancel: str | None) -> Exchange:
    turn = lease.turn
    return Exchange(turn.id, turn.text, "words", "stopped" if cancel == "stop" else "done", turn.author)


def test_no_order_of_events_breaks_the_promise(redis_url: str) -> None:
    class OnThisServer(TurnStates):
        def __init__(self) -> None:
            super().__init__(redis_url)

    checks = list(HealthCheck)
    run_state_machine_as_test(
        OnThisServer,
        settings=settings(
            max_examples=200, stateful_step_count=40, deadline=None, database=None, suppress_health_check=checks
        ),
    )
