"""How many requests the tests of the contract make, and how long they wait."""

from typing import Any

from hypothesis import HealthCheck, Phase, reject, settings
from hypothesis import strategies as st
from schemathesis.core.errors import UnsupportedSchema
from schemathesis.generation.modes import GenerationMode

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


@st.composite
def cases(draw: st.DrawFn, operation: Any, mode: GenerationMode) -> Any:
    """Requests of an operation, without the wrong ones that schemathesis itself cannot make."""
    try:
        return draw(operation.as_strategy(generation_mode=mode))
    except UnsupportedSchema:
        reject()
