"""How many requests the tests of the contract make, and how long they wait."""

from hypothesis import HealthCheck, Phase, settings

LONGEST_S = 20  # a request without an answer until then is a hang


def bounded(examples: int) -> settings:
    """The same examples in every run, and no others."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
