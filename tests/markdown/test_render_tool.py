"""`glados render` as other programs use it: one process, a line in, a line out, whatever the line holds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "glados_bots", "render"]


def run(*options: str, stdin: bytes) -> bytes:
    return subprocess.run([*COMMAND, *options], input=stdin, capture_output=True, check=True, cwd=ROOT).stdout


def test_bad_lines_are_answered_and_do_not_end_the_process() -> None:
    lines = [
        b'{"id": 1, "md": "**a**"}',
        b"not json",
        b"\xff\xfe",
        b"[1]",
        b'{"id": 2, "md": 5}',
        b'{"id": 3, "md": "x", "limit": 10}',
        b'{"id": 4, "md": "x", "limit": true}',
        b'{"id": 5, "md": "x", "target": "nope"}',
        b'{"id": 6, "md": "x", "target": ["a"]}',
        b'{"id": "seven", "md": "\\ud800 **yes**", "target": "slack"}',
        b'{"id": 8, "md": "z", "target": "html", "limit": null}',
    ]
    answers = [json.loads(line) for line in run("--jsonl", stdin=b"\n".join(lines)).splitlines()]
    assert [answer.get("id") for answer in answers] == [1, None, None, None, 2, 3, 4, 5, 6, "seven", 8]
    assert all(answer.keys() == {"id", "error"} for answer in answers[1:9])
    shown = {answer["id"]: answer["chunks"] for answer in answers if "chunks" in answer}
    assert shown == {1: ["**a**"], "seven": ["\ufffd *yes*"], 8: ["<p>z</p>"]}


def test_each_answer_comes_before_the_next_line_is_sent() -> None:
    with subprocess.Popen([*COMMAND, "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(json.dumps({"id": number, "md": f"# {number}"}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == {"id": number, "chunks": [f"# {number}"]}
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_messages_are_separated_and_blocks_stand_on_lines() -> None:
    text = ("word " * 60 + "\n\n") * 3
    messages = run("--to", "discord", "--limit", "400", stdin=text.encode()).decode().split("\x1e")
    assert [len(message) for message in messages] == [299, 299, 299]
    blocks: list[Any] = [json.loads(line) for line in run("--to", "slack-blocks", stdin=text.encode()).splitlines()]
    assert [[block["type"] for block in message] for message in blocks] == [["rich_text"]]


def test_a_wrong_target_is_named() -> None:
    command = [*COMMAND, "--to", "irc"]
    result = subprocess.run(command, input="x", capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode != 0
    assert "no render target 'irc'" in result.stderr
    assert "discord, slack, slack-blocks, html" in result.stderr


def test_it_starts_without_what_rendering_does_not_need() -> None:
    program = (
        "import sys; sys.argv = ['glados', 'render', '--to', 'slack-blocks']; from glados_bots.__main__ import main\n"
        "main(); sys.exit(' '.join({'torch', 'transformers', 'redis', 'typer', 'fastapi'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", program], input=b"# x", capture_output=True, check=True, cwd=ROOT)
