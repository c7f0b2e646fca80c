"""`glados serve` for clients: the small model, a random one with a wide window, or an engine that calls a tool."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.inference.tiny import write_base
from tests.processes.stack import share_made_files
from tests.servers import free_port

KEY = "s3cret-key"
SMALL = "smollm2_135m"
WIDE = "wide"
WINDOW = 32_768  # what agents need: see docs/api/clients.md
# A random model says the letter soon, and would say senseless words for minutes without it.
CARD = """
context_length = {window}
stop = ["z"]
[base]
folder = "{weights}"
"""
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_wide(folder: Path) -> Path:
    """A card of a tiny random Llama. Returns its folder."""
    card = folder / WIDE
    weights = write_base("llama", card / "weights", max_position_embeddings=WINDOW)
    (weights / "chat_template.jinja").write_text(TEMPLATE)
    (card / "model.toml").write_text(CARD.format(window=WINDOW, weights=weights))
    return card


@contextmanager
def served(model: str, folder: Path) -> Iterator[str]:
    """The base URL of `glados serve` with this model, ready; `folder` holds its data and its log."""
    port, log = free_port(), folder / "log"
    share_made_files(folder)
    environment = {
        **os.environ,
        "GLADOS_MODEL": model,
        "GLADOS_SERVE_PORT": str(port),
        "GLADOS_API_KEY": KEY,
        "GLADOS_DATA_DIR": str(folder),
        "GLADOS_CONTEXT_LENGTH": "",
    }
    with log.open("wb") as output:
        command = [sys.executable, "-m", "glados_bots", "serve"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(process, f"http://127.0.0.1:{port}/ready", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"{url} was never ready: {log.read_text()}")
