"""Simon Willison's `llm`, by its own command: a prompt, a conversation, a schema and a tool."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from doing import CITIES, KEY, MODEL, URL, WEATHER, do

FOLDER = Path(tempfile.mkdtemp())
(FOLDER / "extra-openai-models.yaml").write_text(
    f"- model_id: glados\n  model_name: {MODEL}\n  api_base: {URL}\n  api_key_name: glados\n"
    "  supports_schema: true\n  supports_tools: true\n"
)
(FOLDER / "keys.json").write_text(json.dumps({"glados": KEY}))
TOOL = f'def get_weather(city: str) -> str:\n    "The weather of a city"\n    return {WEATHER!r}\n'


def llm(*arguments):
    command = [str(Path(sys.executable).with_name("llm")), *arguments]
    done = subprocess.run(
        command, env={**os.environ, "LLM_USER_PATH": str(FOLDER)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-800:]
    return done.stdout


def prompt():
    assert llm("-m", "glados", "-o", "max_tokens", "24", "Hello").strip()


def whole():
    assert llm("-m", "glados", "--no-stream", "-o", "max_tokens", "24", "Hello").strip()


def conversation():
    assert llm("-c", "-m", "glados", "-o", "max_tokens", "24", "And then?").strip()


def schema():
    form = {"type": "object", "properties": {"city": {"enum": list(CITIES)}}, "required": ["city"]}
    assert json.loads(llm("-m", "glados", "--schema", json.dumps(form), "Rome?"))["city"] in CITIES


def tool():
    arguments = ("-m", "glados", "--functions", TOOL, "--chain-limit", "2", "-o", "max_tokens", "64")
    assert llm(*arguments, "Say hello.").strip()


if __name__ == "__main__":
    do(prompt, whole, conversation, schema, tool)
