"""Our messages, read by independent parsers of each dialect, say what the source says.

The sources are the specifications' examples, where a few differ on purpose or by faults of the parsers, and answers as
models write them (`cases.txt`), where every difference is named here.

The parsers are npm packages: `npm ci --prefix tests/markdown/parse_back` installs them.
"""

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from glados_discord.answers import markdown as discord
from glados_slack.answers import markdown as slack

HERE = Path(__file__).parent
SPECIFIED = json.loads((HERE / "spec_examples.json").read_text(encoding="utf-8"))
ANSWERS = [
    dict(zip(("id", "md"), part.split("\n", 1), strict=True))
    for part in (HERE / "cases.txt").read_text(encoding="utf-8").split("=== ")[1:]
]
# What the source's parser does not know: our dialect, and what safety adds.
DIALECT = {
    "fences in a markdown fence of the same length": {"text", "code"},
    "language inside the fence": {"text", "code"},
    "tildes": {"text"},  # `~5 minutes, ~10` is no strike
    "accidental slack syntax": {"text", "links"},  # a link
    "alerts": {"text"},
    "code with odd languages": {"code"},  # `{.python}` is Python
    "math inline": {"text"},
    "math display": {"text"},
    "cjk emphasis": {"style"},
    "mail": {"text"},  # Discord cannot link it, so that the address is shown
    "look-alike label": {"text"},
    "bold code with stars": {"style"},  # the platforms' scanners look into code
}
PLATFORMS = [("discord", discord), ("slack", slack), ("slack-blocks", SimpleNamespace(render=slack.render_blocks))]
NODE = shutil.which("node")
# What is shown differently on purpose, or by the parsers' own faults, may not become more than this.
KEPT = 0.98

pytestmark = pytest.mark.skipif(
    NODE is None or not (HERE / "parse_back" / "node_modules").is_dir(),
    reason="needs node and `npm ci --prefix tests/markdown/parse_back`",
)


def read_back(dialect: str, platform: Any, cases: list[dict[str, str]], limit: int) -> dict[str, Any]:
    asked = [{"id": case["id"], "md": case["md"], "messages": platform.render(case["md"], limit)} for case in cases]
    result = subprocess.run(
        [str(NODE), "check.mjs"],
        input=json.dumps({"dialect": dialect, "cases": asked}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=HERE / "parse_back",
        check=True,
    )
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("limit", [200, 2000])
@pytest.mark.parametrize(("dialect", "platform"), PLATFORMS)
def test_messages_say_what_the_specified_examples_say(dialect: str, platform: Any, limit: int) -> None:
    found = read_back(dialect, platform, SPECIFIED, limit)
    assert found["checked"] > 600
    assert 1 - len(found["lost"]) / found["checked"] >= KEPT, found["lost"]
    assert not [reasons for reasons in found["lost"].values() if any(reason.startswith("ping") for reason in reasons)]


@pytest.mark.parametrize("limit", [200, 2000])
@pytest.mark.parametrize(("dialect", "platform"), PLATFORMS)
def test_messages_say_what_answers_say(dialect: str, platform: Any, limit: int) -> None:
    found = read_back(dialect, platform, ANSWERS, limit)
    assert found["checked"] > 110
    assert not {name: lost for name, lost in found["lost"].items() if not set(lost) <= DIALECT.get(name, set())}


@pytest.mark.parametrize(("dialect", "platform"), PLATFORMS)
def test_answers_cut_off_anywhere_say_what_is_there(dialect: str, platform: Any) -> None:
    cut = [
        {"id": f"{case['id']} at {place}", "md": case["md"][:place]}
        for case in ANSWERS
        if case["id"] not in DIALECT
        for place in range(1, min(len(case["md"]), 400), 7)
    ]
    found = read_back(dialect, platform, cut, 200)
    assert not [name for name, lost in found["lost"].items() if any(reason.startswith("ping") for reason in lost)]
    assert 1 - len(found["lost"]) / found["checked"] >= KEPT, found["lost"]
