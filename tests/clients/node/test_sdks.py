"""OpenAI's client for Node and the Vercel AI SDK do what they can do, against the small model."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.node.service import KEY, SMALL, served

HERE = Path(__file__).parent
NODE = shutil.which("node")
LONGEST_S = 240

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(SMALL, tmp_path_factory.mktemp("small")) as address:
        yield address


@pytest.mark.parametrize("client", ["openai", "ai_sdk"])
def test_all_that_a_library_can_do_works(client: str, request: pytest.FixtureRequest) -> None:
    if NODE is None or not (HERE / client / "node_modules").is_dir():
        pytest.skip(f"needs node and `make clients`, which installs {client}")
    result = subprocess.run(
        [NODE, "client.mjs", request.getfixturevalue("url"), KEY, SMALL],
        cwd=HERE / client,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    done = json.loads(result.stdout)
    assert len(done) >= 15
    assert set(done.values()) == {"ok"}, json.dumps(done, indent=1)
