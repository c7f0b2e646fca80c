"""What came out of a soak, as a table."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.soak.questions import Question, Seen
from tests.soak.recovery import Recovery, recovery, spread
from tests.soak.verdict import Verdict, late


@dataclass
class Findings:
    """What came out of one platform.

    Attributes:
        asked: all its questions.
        verdict: what broke the promise.
        recovery: what the kills cost.
        first_words_s: from each question to the first words of its answer.
        trouble: what the platform did by itself, by kind.
        outages: how often it was away.
        away_s: for how long in all.
        full: its limits that were used up.
        given_up: events that it gave up to deliver.
        stories: what is known of each question whose promise broke.
    """

    asked: list[Question]
    verdict: Verdict
    recovery: Recovery = field(default_factory=Recovery)
    first_words_s: list[float] = field(default_factory=list)
    trouble: Counter[str] = field(default_factory=Counter)
    outages: int = 0
    away_s: float = 0.0
    full: list[str] = field(default_factory=list)
    given_up: int = 0
    stories: list[str] = field(default_factory=list)

    def learn(self, seen: Iterable[Seen], kills: list[float]) -> None:
        """Times, from what stands in the end. Answers that were made anew say nothing of a first one's end."""
        by_number = {number: message for message in seen for number in message.numbers}
        plain = [one for one in self.asked if not (one.version or one.redone or one.is_deleted)]
        done = {number: message.done_at for number, message in by_number.items()}
        self.recovery = recovery(plain, done, kills)
        words = ((one, by_number[one.number].words_at) for one in plain if one.number in by_number)
        self.first_words_s = [at - one.at for one, at in words if at is not None]

    def rows(self) -> dict[str, str]:
        """Name and value of each row."""
        asked = self.asked
        return {
            "asked": str(len(asked)),
            "edited": str(sum(bool(one.version) for one in asked)),
            "deleted": str(sum(one.is_deleted for one in asked)),
            "regenerated": str(sum(bool(one.redone) for one in asked)),
            "outages": f"{self.outages} ({self.away_s:.0f} s)" if self.outages else "0",
            **{name: str(count) for name, count in sorted(self.trouble.items())},
            "delivered below a newer one": str(late(asked)),
            "events that the platform gave up to deliver": str(self.given_up),
            **{f"**{name}**": str(count) for name, count in self.verdict.counts.items()},
            "from a question to the first words (p50, p95)": spread(self.first_words_s),
            "from a kill to an answer under way (p50, p95)": spread(self.recovery.answered),
            "from a kill to delivery of what was asked before (p50, p95)": spread(self.recovery.delivered),
        }


@dataclass
class Report:
    """What came out, by platform, and what was killed."""

    seed: int
    findings: dict[str, Findings] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the promise held everywhere."""
        return all(one.verdict.holds for one in self.findings.values())

    @property
    def asked(self) -> int:
        """Questions of all platforms."""
        return sum(len(one.asked) for one in self.findings.values())

    def table(self) -> list[str]:
        """Markdown; a row each, a column for each platform."""
        columns = {name: one.rows() for name, one in self.findings.items()}
        for name, rows in columns.items():
            rows |= {
                "kills of its adapter": str(self.kills[name]),
                "kills of the service, of Valkey": f"{self.kills['service']}, {self.kills['valkey']}",
                "its processes ended by themselves": str(self.deaths[name]),
                "so did the service, Valkey": f"{self.deaths['service']}, {self.deaths['valkey']}",
            }
        names = list(dict.fromkeys(name for rows in columns.values() for name in rows))
        return [
            f"| | {' | '.join(columns)} |",
            f"| --- |{' --: |' * len(columns)}",
            *(f"| {name} | {' | '.join(rows.get(name, '-') for rows in columns.values())} |" for name in names),
        ]

    def lines(self) -> list[str]:
        """For people."""
        killed = sum(self.kills.values())
        return [
            f"seed {self.seed}: {self.asked} questions and {killed} kills in {self.seconds:.0f} s",
            *(f"{name}: {line}" for name, one in self.findings.items() for line in one.verdict.lines()),
            *(
                f"{name}: at the platform's limit: {', '.join(one.full)}"
                for name, one in self.findings.items()
                if one.full
            ),
            *(f"{name}: {line}" for name, one in self.findings.items() for line in one.stories),
            "",
            *self.table(),
        ]
