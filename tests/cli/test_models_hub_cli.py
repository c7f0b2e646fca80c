"""Fetching and upgrading as people call it: the real command, killed in the middle, twice at once, on a small disk."""

import asyncio
import hashlib
import json
import os
import random
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.hub import COMMIT, Hub
from tests.inference.embeddings.reference import SAVED
from tests.servers import running

pytestmark = pytest.mark.slow
MB = 2**20
SHARD = random.Random(7).randbytes(4 * MB)  # noqa: S311 - bytes that differ
BASE = {"config.json": b'{"model_type": "llama"}', "model.safetensors": SHARD}


class Ran(NamedTuple):
    code: int | None
    text: str


class Glados:
    """Calls `glados models ...` in folders of its own.

    Attributes:
        env: the variables that name the hub and the folders.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | {
            "HF_ENDPOINT": url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(folder / "hf"), "COLUMNS": "200",
            "GLADOS_MODELS_DIR": str(folder / "own"), "GLADOS_DATA_DIR": str(folder / "data"),
        }  # fmt: skip

    async def start(self, *words: str, before: tuple[str, ...] = (), **env: str) -> asyncio.subprocess.Process:
        """Start the command, which has another before it if one is given."""
        return await asyncio.create_subprocess_exec(
            *before, sys.executable, "-m", "glados_bots", "models", *words, env=self.env | env, cwd=self.folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def run(self, *words: str, before: tuple[str, ...] = (), **env: str) -> Ran:
        process = await self.start(*words, before=before, **env)
        output, _ = await process.communicate()
        return Ran(process.returncode, output.decode())


@pytest.fixture
def hub() -> Hub:
    return Hub(dict(BASE))


@pytest.fixture
async def glados(hub: Hub, tmp_path: Path) -> AsyncIterator[Glados]:
    async with running(hub.app()) as url:
        yield Glados(url, tmp_path)


async def test_a_killed_pull_is_continued_where_it_ended(glados: Glados, hub: Hub) -> None:
    hub.hold = 2 * MB
    process = await glados.start("pull", "ORG/NAME")
    part = glados.folder / f"hf/hub/models--ORG--NAME/blobs/{hashlib.sha256(SHARD).hexdigest()}.incomplete"
    while not part.exists() or part.stat().st_size < 2 * MB:
        await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    hub.released.set()
    listed = await glados.run("list")
    assert listed.code == 0, listed.text
    hub.asked.clear()
    ran = await glados.run("pull", "ORG/NAME")
    assert ran.code == 0, ran.text
    assert f"1 of 2 files, 2.1 MB (2.1 MB of {len(SHARD) / 1e6:.1f} MB are here)" in ran.text
    assert hub.ranges("model.safetensors") == [2 * MB]
    assert f"{hashlib.sha256(SHARD).hexdigest()} " in ran.text
    assert not part.exists()


async def test_two_pulls_at_once_fetch_each_byte_once(glados: Glados, hub: Hub) -> None:
    hub.hold = MB
    first = asyncio.create_task(glados.run("pull", "ORG/NAME"))
    await hub.held.wait()
    second = await glados.start("pull", "ORG/NAME")
    assert second.stdout is not None
    said = await second.stdout.readuntil(b"waiting for it")
    hub.released.set()
    rest, _ = await second.communicate()
    for ran in (await first, Ran(second.returncode, (said + rest).decode())):
        assert ran.code == 0, ran.text
        assert "as the hub says" in ran.text
    assert hub.ranges("model.safetensors") == [0]
    assert b"model.safetensors: another process fetches this file; waiting for it" in said


async def test_a_killed_upgrade_changes_nothing(glados: Glados, hub: Hub) -> None:
    assert (await glados.run("pull", "ORG/NAME")).code == 0
    hub.publish("second", model__safetensors=SHARD[::-1])
    hub.hold = MB
    process = await glados.start("upgrade", "ORG/NAME")
    await hub.held.wait()
    process.kill()
    await process.wait()
    hub.released.set()
    ran = await glados.run("pull", "ORG/NAME", HF_HUB_OFFLINE="1")
    assert ran.code == 0, ran.text
    assert f"revision {COMMIT} in " in ran.text
    shown = await glados.run("show", "ORG/NAME")
    assert f"served revision: {COMMIT}\nfiles: here" in shown.text
    removed = await glados.run("remove", "ORG/NAME", "--old", "--yes")
    assert removed.code == 0, removed.text
    assert not list(glados.folder.rglob("*.incomplete"))


async def test_a_disk_that_is_too_small_is_told_before_the_first_byte(glados: Glados, hub: Hub) -> None:
    if not shutil.which("unshare") or (await unshared("true")).returncode:
        pytest.skip("needs a mount of its own: run it where `unshare --mount` is allowed")
    (glados.folder / "hf").mkdir()
    script = f'mount -t tmpfs -o size=3m none {glados.folder / "hf"} && exec "$@"'
    ran = await glados.run("pull", "ORG/NAME", before=(*UNSHARE, "sh", "-c", script, "sh"))
    assert ran.code == 2, ran.text
    (line,) = [line for line in ran.text.splitlines() if line.startswith("glados: ")]
    assert "4.2 MB are missing, 3." in line
    assert not hub.ranges("model.safetensors")


UNSHARE = ("unshare", "--mount", "--map-root-user")


async def unshared(*words: str) -> asyncio.subprocess.Process:
    """The command with mounts of its own, when it has ended."""
    process = await asyncio.create_subprocess_exec(*UNSHARE, *words, stderr=asyncio.subprocess.DEVNULL)
    await process.wait()
    return process


async def test_serving_refuses_and_deletes_wrong_bytes_too(glados: Glados, hub: Hub) -> None:
    """`try` starts the engine as `serve` does."""
    small = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    config = {"model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], **small}
    hub.files["config.json"] = json.dumps(config).encode()
    hub.rotten = {"model.safetensors"}
    ran = await glados.run("try", "ORG/NAME")
    assert ran.code == 2, ran.text
    assert "model.safetensors: its sha256 is not the hub's; the file was deleted, fetch it again" in ran.text
    assert not list((glados.folder / "hf").rglob("*.safetensors"))


async def test_an_upgrade_is_taken_once_it_has_answered(glados: Glados, hub: Hub, tmp_path: Path) -> None:
    from tests.inference.tiny import write_base  # noqa: PLC0415 - imports torch

    base = write_base("llama", tmp_path / "base")
    good = {path.name: path.read_bytes() for path in base.iterdir() if path.suffix in {".json", ".safetensors"}}
    good["chat_template.jinja"] = b"{% for message in messages %}{{ message.content }}{% endfor %}"
    hub.files = dict(good)
    assert (await glados.run("pull", "ORG/NAME")).code == 0
    nothing = await glados.run("upgrade", "ORG/NAME")
    assert (nothing.code, "nothing newer" in nothing.text) == (0, True), nothing.text

    bad = hub.publish("no weights \x1b[2Jany more", model__safetensors=b"not a tensor in it")
    failed = await glados.run("upgrade", "ORG/NAME")
    assert failed.code == 2, failed.text
    assert f"revision {COMMIT} -> {bad}, commits: 1" in failed.text
    assert f"revision {bad} gave no answer" in failed.text.splitlines()[-1]
    assert f"revision {COMMIT} stays" in failed.text.splitlines()[-1]
    assert "\x1b" not in failed.text
    assert COMMIT in (await glados.run("pull", "ORG/NAME", HF_HUB_OFFLINE="1")).text

    new = hub.publish("weights again", model__safetensors=good["model.safetensors"], README__md=b"new")
    done = await glados.run("upgrade", "ORG/NAME")
    assert done.code == 0, done.text
    assert "weights again" in done.text
    assert "to fetch: 0.0 MB" in done.text
    assert f"serves revision {new} from the next start" in done.text
    assert new in (await glados.run("pull", "ORG/NAME", HF_HUB_OFFLINE="1")).text
    removed = await glados.run("remove", "ORG/NAME", "--old", "--yes")
    assert removed.code == 0, removed.text
    assert [path.name for path in (tmp_path / "hf/hub/models--ORG--NAME/snapshots").iterdir()] == [new]
    assert (await glados.run("pull", "ORG/NAME", HF_HUB_OFFLINE="1")).code == 0


async def test_an_upgrade_of_an_embedding_model_is_taken_once_it_has_embedded(glados: Glados, hub: Hub) -> None:
    saved = SAVED / "lasttoken"
    hub.files = {str(path.relative_to(saved)): path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    card = glados.folder / "own/vectors/model.toml"
    card.parent.mkdir(parents=True)
    card.write_text('[base]\nhub = "ORG/NAME"\n[embedding]\ndimensions = 16\n')
    pulled = await glados.run("pull", "vectors")
    assert pulled.code == 0, pulled.text
    new = hub.publish("second", README__md=b"new")
    done = await glados.run("upgrade", "vectors", GLADOS_ENGINE="echo")
    assert done.code == 0, done.text
    assert "a vector of 16 numbers: " in done.text
    assert f"serves revision {new} from the next start" in done.text

    other = SAVED / "dense"
    longer = {str(path.relative_to(other)): path.read_bytes() for path in other.rglob("*") if path.is_file()}
    bad = hub.publish("other lengths")
    hub.files = longer
    failed = await glados.run("upgrade", "vectors")
    assert failed.code == 2, failed.text
    assert "its vectors have 12 numbers, and its card says 16; correct dimensions" in failed.text
    assert f"revision {bad} gave no vector" in failed.text.splitlines()[-1]
    assert new in (await glados.run("pull", "vectors", HF_HUB_OFFLINE="1")).text
