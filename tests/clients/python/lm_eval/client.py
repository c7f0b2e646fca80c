"""lm-eval: probabilities of choices and of whole texts, and what the model writes; the service is the tokenizer."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from doing import KEY, MODEL, URL, do

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("lm_eval")
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OPENAI_API_KEY": KEY}


def measured(kind, task, path, *options, backend="remote"):
    """The figures of a task. Args: backend: lm-eval's `tokenizer_backend`."""
    about = f"model={MODEL},base_url={URL}/{path},tokenizer_backend={backend},max_length=4096,auth_token={KEY}"
    with tempfile.TemporaryDirectory() as folder:
        command = [PROGRAM, "run", "--model", kind, "--include_path", ".", "--tasks", task, "--model_args", about]
        result = subprocess.run(
            [*command, *options, "--output_path", folder],
            cwd=HERE / "tasks",
            env={**os.environ, **OFFLINE},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr[-2000:]
        (told,) = Path(folder).rglob("results_*.json")
        return json.loads(told.read_text())["results"][task]


def likelihoods_of_choices():
    """The small model knows the capitals."""
    assert measured("local-completions", "capitals", "completions")["acc,none"] >= 0.75


def likelihoods_of_choices_in_batches():
    assert measured("local-completions", "capitals", "completions", "--batch_size", "8")["acc,none"] >= 0.75


def likelihoods_of_texts():
    assert 0.5 < measured("local-completions", "texts", "completions")["bits_per_byte,none"] < 2


def texts():
    assert "exact_match,none" in measured("local-completions", "counting", "completions")


def texts_without_a_tokenizer():
    assert "exact_match,none" in measured("local-completions", "counting", "completions", backend="None")


def texts_in_chats():
    chat = "chat/completions", "--apply_chat_template"
    assert "exact_match,none" in measured("local-chat-completions", "counting", *chat, backend="None")


do(
    likelihoods_of_choices,
    likelihoods_of_choices_in_batches,
    likelihoods_of_texts,
    texts,
    texts_without_a_tokenizer,
    texts_in_chats,
)
