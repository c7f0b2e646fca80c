"""The vectors that sentence-transformers has computed; see record.py."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
SAVED = HERE / "saved"
REFERENCE: dict[str, Any] = json.loads((HERE / "reference.json").read_text(encoding="utf-8"))
TEXTS: list[str] = REFERENCE["texts"]


def reference(name: str) -> Any:
    """Rows of float32, one per text. The name of a model, or `NAME query` for the vectors of queries."""
    return np.array([np.frombuffer(base64.b64decode(row), dtype="<f4") for row in REFERENCE[name]])
