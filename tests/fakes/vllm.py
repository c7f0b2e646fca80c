"""Stands for the `vllm` program: `vllm serve` with the routes our engine calls, and an answer that echoes.

It answers with the prompt's tokens, and says what it was started and asked with in files beside itself. The word
`crash` in VLLM_FAKE ends it at once, `refuse` makes it refuse requests, `odd` makes it print and say unusual lines.
With a grammar, it answers with random tokens that the grammar allows.

LoRAs come and go with vLLM's own words, where it was started for that. An answer of a LoRA begins with the token 9906.
"""

import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(sys.argv[0]).parent
METRICS = 'vllm:kv_cache_usage_perc{engine="0"} 0.25\nvllm:cache_config_info{num_gpu_blocks="400"} 1.0\n'

END = 2  # the token that ends an answer of the tests' models


def tell(name: str, said: object) -> None:
    """Write a file whole or not at all: the test may read it at any moment."""
    part = HERE / f"{name}.{threading.get_ident()}"  # requests at the same time each write their own
    part.write_text(json.dumps(said))
    part.replace(HERE / name)


@cache
def own_tokenizer() -> Any:
    from llguidance import LLTokenizer  # noqa: PLC0415 - only grammars need the library

    return LLTokenizer(str(Path(sys.argv[2]) / "tokenizer.json"), eos_token=END)


def formed(grammar: str, most: int) -> Iterator[int]:
    """Random tokens, as vLLM's guidance backend allows them."""
    import numpy as np  # noqa: PLC0415 - only this needs the libraries
    from llguidance import LLMatcher  # noqa: PLC0415

    tokenizer = own_tokenizer()
    matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(grammar))
    mask, draw = np.zeros((tokenizer.vocab_size + 31) // 32, dtype=np.int32), random.Random(grammar)  # noqa: S311
    for _ in range(most):
        matcher.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
        token = draw.choice(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist())
        yield token
        if token == END or not matcher.consume_token(token):
            return


class Loras:
    """The models that it serves. A folder of LoRAs with `broken` in its name cannot be loaded."""

    def __init__(self, arguments: list[str]) -> None:
        self.at_run_time = os.environ.get("VLLM_ALLOW_RUNTIME_LORA_UPDATING") == "1" and "--enable-lora" in arguments
        self.prefixes = os.environ.get("VLLM_RUNTIME_LORA_ALLOWED_PATH_PREFIXES", "").split(":")
        self.base = arguments[arguments.index("--served-model-name") + 1]
        given = arguments[arguments.index("--lora-modules") + 1 :] if "--lora-modules" in arguments else []
        self.names = {part.partition("=")[0] for part in given if "=" in part}

    def load(self, name: str, path: str) -> tuple[int, str]:
        if name in self.names:
            return 400, f"The lora adapter '{name}' has already been loaded."
        if "broken" in path or not any(path.startswith(prefix) for prefix in self.prefixes):
            return 400, f"Loading lora {name} failed: No adapter found for {path}"
        self.names.add(name)
        return 200, f"Success: LoRA adapter '{name}' added successfully."

    def unload(self, name: str) -> tuple[int, str]:
        if name not in self.names:
            return 404, f"The lora adapter '{name}' cannot be found."
        self.names.remove(name)
        return 200, f"Success: LoRA adapter '{name}' removed successfully."


class Handler(BaseHTTPRequestHandler):
    loras: Loras

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(METRICS.encode() if self.path == "/metrics" else b"")

    def do_POST(self) -> None:
        if self.headers["Authorization"] != f"Bearer {os.environ['VLLM_API_KEY']}":
            self.send_error(401)
            return
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("lora_adapter"):
            self.change_loras(request)
            return
        tell("asked.json", request)
        if request["model"] not in {self.loras.base, *self.loras.names}:
            self.send_error(404, f"The model {request['model']} does not exist.")
            return
        if os.environ.get("VLLM_FAKE") == "refuse":
            self.send_error(400, "too many stop strings")
            return
        self.send_response(200)
        self.end_headers()
        if "prompt_logprobs" in request:
            self.wfile.write(json.dumps({"choices": [{"prompt_logprobs": scored(request)}]}).encode())
            return
        if os.environ.get("VLLM_FAKE") == "odd":
            sys.stdout.write("x" * 300_000 + "\n")  # more than a pipe holds
            sys.stdout.flush()
            self.event({"choices": [{"text": "one\u2028two ", "token_ids": [9906], "finish_reason": None}]})
        grammar = (request.get("structured_outputs") or {}).get("grammar")
        tokens = list(formed(grammar, request["max_tokens"])) if grammar else request["prompt"][: request["max_tokens"]]
        reason = "stop" if tokens[-1:] == [END] else "length"
        try:
            if request["model"] in self.loras.names and not grammar:
                self.event({"choices": [{"text": "x", "token_ids": [9906], "finish_reason": None}]})
            for token in tokens:
                scores = of_token(token) if "logprobs" in request else None
                choice = {"text": "x", "token_ids": [token], "finish_reason": None, "logprobs": scores}
                self.event({"choices": [choice]})
                time.sleep(0.01)
            self.event({"choices": [{"text": "", "token_ids": [], "finish_reason": reason}]})
            details = {"cached_tokens": 3}
            self.event({"choices": [], "usage": {"completion_tokens": 5, "prompt_tokens_details": details}})
            self.wfile.write(b"data: [DONE]\n\n")
        except BrokenPipeError:
            (HERE / "left").touch()

    def change_loras(self, request: dict[str, str]) -> None:
        status, said = 404, "Not Found"
        if self.loras.at_run_time and self.path == "/v1/load_lora_adapter":
            status, said = self.loras.load(request["lora_name"], request["lora_path"])
        elif self.loras.at_run_time and self.path == "/v1/unload_lora_adapter":
            status, said = self.loras.unload(request["lora_name"])
        tell("loras.json", sorted(self.loras.names))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(said.encode())

    def event(self, event: dict[str, object]) -> None:
        self.wfile.write(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
        self.wfile.flush()


def of_token(token: int) -> dict[str, object]:
    """The scores of a token of the answer: it is the second likeliest, after the token 0."""
    tops = {f"token_id:{token}": -1.5, "token_id:0": -0.5}
    return {"tokens": [f"token_id:{token}"], "token_logprobs": [-1.5], "top_logprobs": [tops], "text_offset": [0]}


def scored(request: dict[str, list[int]]) -> list[object]:
    """The scores of the prompt: each token is the second likeliest, after the token 0."""
    tops = [{str(token): {"logprob": -2.0, "rank": 2}, "0": {"logprob": -0.25}} for token in request["prompt"][1:]]
    return [None, *tops]


if __name__ == "__main__":
    ours = sorted(name for name in os.environ if name.startswith("GLADOS_"))
    tell("started.json", [sys.argv[1:], os.environ.get("VLLM_NO_USAGE_STATS"), ours])
    sys.stdout.write("INFO reading the model\n")
    if os.environ.get("VLLM_FAKE") == "crash":
        sys.exit("RuntimeError: no kernel for this device")
    port = int(sys.argv[sys.argv.index("--port") + 1])
    tell("pid", os.getpid())
    Handler.loras = Loras(sys.argv)
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
