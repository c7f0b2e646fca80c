"""A trial for untested model classes: the engine must give the same answer as the plain model.

Continuous batching replaces a model's attention with paged attention. Most classes compute the same with it. Some fail
at the first question, and some give wrong answers, because a part of their attention is lost.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import torch

from glados_bots.inference.transformers_engine.multi_lora import BASE, tag
from glados_bots.inference.transformers_engine.sampling.rows import RowSettings
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.inference.transformers_engine.scheduler import Output, Scheduler

# We compared these with `generate` by hand: whole answers of tiny models in float32, alone, from the cache, in a batch.
TESTED = frozenset(
    f"{name}ForCausalLM"
    for name in (
        "Cohere Cohere2 Exaone4 GPTBigCode GPTNeoX Gemma Gemma3 Glm Glm4 Glm4Moe GptOss Granite GraniteMoe Llama "
        "Ministral Ministral3 Mistral Mixtral OPT Olmo2 Olmo3 Olmoe Phi Phi3 Phimoe Qwen2 Qwen2Moe Qwen3 Qwen3Moe "
        "SmolLM3 Starcoder2"
    ).split()
) | {"GPT2LMHeadModel"}
QUESTION = "Count from one to ten, and say which of the numbers are even."
LENGTH = 8  # tokens of the answer
TIE = 0.05  # share of the distance from the mean score to the best; bfloat16 rounding differs by less than that


class Trial:
    """The answer of a model's plain forward pass. Create it before the model's attention is replaced.

    Args:
        model: a loaded model of transformers.
        prompt: token ids.
    """

    def __init__(self, model: Any, prompt: Sequence[int]) -> None:
        self.prompt = list(prompt)
        self._device = model.device
        self._scores: list[torch.Tensor] = []  # one per step, shape (vocabulary,)
        self._tokens: list[int] = []
        with torch.inference_mode():
            for _ in range(LENGTH):
                ids = torch.tensor([[*self.prompt, *self._tokens]], device=model.device)
                scores = model(input_ids=ids, use_cache=False).logits[0, -1].float().cpu()
                self._scores.append(scores)
                self._tokens.append(int(scores.argmax()))

    async def ask(self, scheduler: Scheduler, sampler: Sampler) -> list[int]:
        """The engine's greedy answer as token ids, without a LoRA. Raises RuntimeError if it fails."""
        request_id = tag(uuid4().hex, BASE)
        outputs: asyncio.Queue[Output] = asyncio.Queue()
        sampler.add(request_id, RowSettings(0, 1, 0, 1, 0, 0, 0, torch.Generator(self._device), self.prompt))
        try:
            scheduler.add(request_id, self.prompt, LENGTH, outputs.put_nowait)
            while not (output := await outputs.get()).finished:
                if output.error is not None:
                    raise RuntimeError(output.error)
        finally:
            scheduler.remove(request_id)
            sampler.drop(request_id)
        return list(output.tokens)

    def passed(self, tokens: Sequence[int]) -> bool:
        """Whether the engine's greedy answer equals the plain model's, up to the first near tie."""
        for wanted, found, scores in zip(self._tokens, tokens, self._scores, strict=False):
            if wanted != found:
                return bool(scores.max() - scores[found] <= TIE * (scores.max() - scores.mean()))
        return True
