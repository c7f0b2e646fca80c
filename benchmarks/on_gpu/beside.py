"""Ours, `transformers.generate` and vLLM with the same model and the same questions."""

import asyncio
import shlex
import shutil
import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoTokenizer, StoppingCriteria, StoppingCriteriaList

from benchmarks.asking import FIRST, QUESTIONS, SPEED, new_question
from benchmarks.on_gpu.measuring import FIXED, FIXED_TOKENS, fixed_answers, peak, speeds, started
from benchmarks.on_gpu.report import Figures, LeftOutError, Measured
from benchmarks.on_gpu.setup import Setup
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.settings import ServeSettings
from glados_bots.inference.transformers_engine.loading import load_model
from glados_bots.settings import load


def ours(setup: Setup, **options: Any) -> Measured:
    """Our engine, without its HTTP service."""
    return asyncio.run(_ours(setup, options))


async def _ours(setup: Setup, options: dict[str, Any]) -> Measured:
    async with started(setup, **options) as running:
        figures = await speeds(running.engine, setup, setup.streams)
        return Measured({**figures, **peak(setup)}, await fixed_answers(running.engine))


def vllm(setup: Setup) -> Measured:
    """Our engine on vLLM, with GLADOS_VLLM_COMMAND and GLADOS_VLLM_ARGUMENTS. Its memory is another process's."""
    settings = load(ServeSettings)
    program = shutil.which(settings.vllm_command)
    if program is None:
        raise LeftOutError(f"no program {settings.vllm_command}; GLADOS_VLLM_COMMAND names the one of vLLM")
    return asyncio.run(_vllm(setup, program, tuple(shlex.split(settings.vllm_arguments))))


async def _vllm(setup: Setup, program: str, arguments: tuple[str, ...]) -> Measured:
    from glados_bots.inference.vllm_engine.engine import VllmEngine  # noqa: PLC0415 - needs more packages

    options: dict[str, Any] = {"vllm_command": program, "vllm_arguments": arguments}
    options |= {"max_running": max(setup.streams), "cache_gb": 1.0 if setup.device == "cpu" else None}
    engine = VllmEngine(setup.card, EngineOptions(setup.data, hf_token=setup.token, **options))
    await engine.start()
    try:
        return Measured(await speeds(engine, setup, setup.streams), await fixed_answers(engine))
    finally:
        await engine.stop()


def generate(setup: Setup) -> Measured:
    """`generate` on a padded batch of all streams, as transformers gives it without continuous batching."""
    plain = Plain(setup)
    found: dict[str, list[float]] = {}
    for number in range(setup.rounds + 1):
        for count in setup.streams:
            begun = time.perf_counter()
            tokens, first_s, _ = plain.answers([new_question() for _ in range(count)], setup.tokens if number else 4)
            if number:
                found.setdefault(SPEED.format(count), []).append(tokens / (time.perf_counter() - begun))
                found.setdefault(FIRST.format(count), []).append(first_s * 1000)
    figures: Figures = {name: statistics.median(values) for name, values in found.items()}
    texts = plain.answers(QUESTIONS[:FIXED], FIXED_TOKENS)[2]
    return Measured({**figures, **peak(setup)}, tuple(texts))


class Plain:
    """The model without an engine."""

    def __init__(self, setup: Setup) -> None:
        options = EngineOptions(setup.data, quantize="none", base_only=True)
        self._variables = setup.card.thinking.get("off", {})
        self._model = load_model(setup.folder, setup.card, options).model.eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(setup.folder, padding_side="left")
        self._tokenizer.pad_token = self._tokenizer.pad_token or self._tokenizer.eos_token
        ends = self._model.generation_config.eos_token_id
        self._ends = {*(ends if isinstance(ends, list) else [ends]), self._tokenizer.eos_token_id}

    def answers(self, questions: Sequence[str], tokens: int) -> tuple[int, float, list[str]]:
        """(tokens of all greedy answers, seconds to the first of each, texts)."""
        prompts = [self._prompt(question) for question in questions]
        inputs = self._tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        begun, first = time.perf_counter(), FirstToken()
        out = self._model.generate(
            **inputs.to(self._model.device),
            max_new_tokens=tokens,
            do_sample=False,
            eos_token_id=sorted(end for end in self._ends if end is not None) or None,
            pad_token_id=self._tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList([first]),
        )
        new = [self._until_end(row) for row in out[:, inputs["input_ids"].shape[1] :].tolist()]
        texts = [self._tokenizer.decode(row, skip_special_tokens=True) for row in new]
        return sum(map(len, new)), first.at - begun, texts

    def _prompt(self, question: str) -> str:
        if self._tokenizer.chat_template is None:
            return question
        chat = [{"role": "user", "content": question}]
        text = self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True, **self._variables)
        return str(text)

    def _until_end(self, row: list[int]) -> list[int]:
        end = next((place for place, token in enumerate(row) if token in self._ends), len(row) - 1)
        return row[: end + 1]


class FirstToken(StoppingCriteria):  # type: ignore[misc] # transformers is untyped here
    """Notes when the first token is there; never stops."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """Stop no row."""
        del scores, kwargs
        if input_ids.is_cuda:
            torch.cuda.synchronize(input_ids.device)
        self.at = self.at or time.perf_counter()
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
