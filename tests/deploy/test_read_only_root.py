"""What the containers promise, seen without a container engine: every role runs as a plain user on a read-only root."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.deploy.places import ROOT
from tests.servers import free_port

SCRIPT = Path(__file__).with_name("read_only_root.sh")
LONGEST_START_S = 300


def boxed(folder: Path, *command: str) -> list[str]:
    return ["/bin/sh", str(SCRIPT), str(folder), *command]


@pytest.fixture(autouse=True)
def namespaces(tmp_path: Path) -> None:
    result = subprocess.run(boxed(tmp_path, "/bin/true"), capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip(f"user namespaces are not to be had here: {result.stderr.strip()}")


def test_the_box_is_what_it_says(tmp_path: Path) -> None:
    script = "id -u; grep CapEff /proc/self/status; touch /mnt/data/x /tmp/x && echo wrote; touch /x; touch " + str(
        ROOT / "x"
    )
    result = subprocess.run(boxed(tmp_path, "/bin/sh", "-c", script), capture_output=True, text=True, check=False)
    assert result.stdout.split() == ["10001", "CapEff:", "0000000000000000", "wrote"]
    assert result.stderr.count("Read-only file system") == 2
    assert (tmp_path / "x").exists()


@pytest.mark.slow
@pytest.mark.timeout(2 * LONGEST_START_S)
def test_all_roles_run_answer_and_end_well(tmp_path: Path) -> None:
    web, serve, metrics = free_port(), free_port(), free_port()
    for made in ("models", "cpu"):
        if (ROOT / "data" / made).is_dir():
            shutil.copytree(ROOT / "data" / made, tmp_path / made)  # the original could not be written from in there
    env = {
        "PATH": os.environ["PATH"],
        "HOME": "/mnt/data",
        "GLADOS_DATA_DIR": "/mnt/data",
        "GLADOS_MODEL": "smollm2_135m",
        "GLADOS_WEB_PORT": str(web),
        "GLADOS_SERVE_PORT": str(serve),
        "GLADOS_METRICS_PORT": str(metrics),
        "GLADOS_GRACE": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HF_HUB_OFFLINE": "1",
    }
    glados = [sys.executable, "-m", "glados_bots"]
    log = tmp_path / "out.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(boxed(tmp_path, *glados, "up"), cwd=ROOT, env=env, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + LONGEST_START_S
        while "ready after" not in log.read_text(errors="replace"):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.2)
        for role in ("serve", "web"):
            subprocess.run([*glados, "health", role], cwd=ROOT, env=env, check=True)
        body = {"model": "smollm2_135m", "max_tokens": 4, "messages": [{"role": "user", "content": "Say hello"}]}
        with httpx.Client(trust_env=False, timeout=120) as http:
            answer = http.post(f"http://127.0.0.1:{serve}/v1/chat/completions", json=body).raise_for_status().json()
            shown = http.get(f"http://127.0.0.1:{metrics}/metrics").raise_for_status().text
        assert answer["choices"][0]["message"]["content"]
        assert 'glados_store_up{platform="web"} 1.0' in shown
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    assert code == 0, log.read_text(errors="replace")
    assert "Read-only file system" not in log.read_text(errors="replace")
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {
        "models",
        "out.txt",
        "valkey",
        "logs",
        "supervisor.lock",
        "cpu",
        "service",
    }  # cpu: the compiled step
