"""Where the deployment files lie, and how the tests read them."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


class ComposeLoader(yaml.SafeLoader):
    """YAML with docker compose's `!reset`, which stands for "take this away"."""


RESET = object()
ComposeLoader.add_constructor("!reset", lambda *_: RESET)


def load_yaml(path: Path) -> Any:
    """One YAML document."""
    return yaml.load(path.read_text(encoding="utf-8"), ComposeLoader)  # noqa: S506 - a safe loader with one more tag


def merged(base: Any, over: Any) -> Any:
    """Two compose files as one: mappings are merged, anything else is replaced, `!reset` removes."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    whole = {key: merged(base[key], over[key]) if key in base and key in over else value
             for key, value in {**base, **over}.items()}  # fmt: skip
    return {key: value for key, value in whole.items() if value is not RESET}
