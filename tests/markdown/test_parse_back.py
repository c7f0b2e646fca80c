"""Our messages, read by independent parsers of each dialect, say what the specifications' examples say.

The parsers are npm packages: `npm ci --prefix tests/markdown/parse_back` installs them.
"""

import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from glados_discord import markdown as discord
from glados_slack import markdown as slack

HERE = Path(__file__).parent
CASES = [
    *json.loads((HERE / "spec_examples.json").read_text(encoding="utf-8")),
    *({"id": path.stem, "md": path.read_text(encoding="utf-8")} for path in sorted((HERE / "golden").glob("*.md"))),
]
NODE = shutil.which("node")
# What is shown differently on purpose, or by the parsers' own faults, may not become more than this.
KEPT = 0.97

pytestmark = pytest.mark.skipif(
    NODE is None or not (HERE / "parse_back" / "node_modules").is_dir(),
    reason="needs node and `npm ci --prefix tests/markdown/parse_back`",
)


def read_back(dialect: str, messages: dict[str, list[str]]) -> dict[str, Any]:
    cases = [{"id": case["id"], "md": case["md"], "messages": messages[case["id"]]} for case in CASES]
    result = subprocess.run(
        [str(NODE), "check.mjs"],
        input=json.dumps({"dialect": dialect, "cases": cases}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=HERE / "parse_back",
        check=True,
    )
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("limit", [200, 2000])
@pytest.mark.parametrize(("dialect", "platform"), [("discord", discord), ("slack", slack)])
def test_messages_say_what_the_source_says(dialect: str, platform: ModuleType, limit: int) -> None:
    found = read_back(dialect, {case["id"]: platform.render(case["md"], limit) for case in CASES})
    assert found["checked"] > 600
    assert 1 - len(found["lost"]) / found["checked"] >= KEPT, found["lost"]
    assert not [reasons for reasons in found["lost"].values() if any(reason.startswith("ping") for reason in reasons)]
