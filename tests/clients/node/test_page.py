"""docs/api/clients.md names the versions that the tests use."""

import json
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "docs/api/clients.md").read_text(encoding="utf-8")
PACKAGES = {
    "openai": "openai",
    "ai_sdk": "ai",
    "opencode": "opencode-ai",
    "qwen_code": "@qwen-code/qwen-code",
    "codex": "@openai/codex",
}


@pytest.mark.parametrize("client", PACKAGES)
def test_the_table_has_the_version_that_is_tested(client: str) -> None:
    package = PACKAGES[client]
    pinned = json.loads((HERE / client / "package.json").read_text())["dependencies"][package]
    locked = json.loads((HERE / client / "package-lock.json").read_text())["packages"][f"node_modules/{package}"]
    assert locked["version"] == pinned
    assert re.search(rf"^\| \[.*\| (ai )?{re.escape(pinned)} \|", PAGE, re.MULTILINE)
