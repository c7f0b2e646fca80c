"""What a soak is to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        messages: questions on each platform.
        threads: over how many threads of each.
        platforms: any of `run.FAR_ENDS`.
        replicas: adapter processes of each chat platform.
        kill_every_s: shortest and longest time between two kills.
        trouble_every_s: the same, between two troubles of one chat platform; see weather.py.
        outages: how often each chat platform is away, spread over its questions.
        outage_s: for how long each time.
        changed: share of questions that people edit, delete, or want another answer to.
        seed: of the dice; the same seed does the same, as far as time allows.
        lease_s: after which a dead worker's turn is taken over.
        patience_s: how long the start may take, and the last answers once everything runs again.
        longest_s: after this time nothing more is asked.
        pause_s: mean pause before each question of a thread; without pauses, Slack's limits of calls a minute are what
            most answers wait for.
        workspaces: of Slack, which counts calls by workspace.
        stall_s: how long a call hangs before it is carried out, also when its process died meanwhile.
        redelivery_s: after how long Slack delivers again what was not acknowledged.
    """

    messages: int
    threads: int
    platforms: tuple[str, ...] = ("discord", "slack", "web")
    replicas: int = 2
    kill_every_s: tuple[float, float] = (4.0, 10.0)
    trouble_every_s: tuple[float, float] = (5.0, 20.0)
    outages: int = 0
    outage_s: float = 10.0
    changed: float = 0.25
    seed: int = 0
    lease_s: float = 5.0
    patience_s: float = 180.0
    longest_s: float = 3600.0
    pause_s: float = 0.0
    workspaces: int = 1
    stall_s: tuple[float, float] = (3.0, 15.0)
    redelivery_s: tuple[float, ...] = (1.0, 60.0, 300.0)
