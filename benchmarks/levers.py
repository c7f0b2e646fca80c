"""Times one decode step in each way that we tried on a CPU: `python benchmarks/levers.py`. See docs/performance.md.

The ways are transformers' modules, our compiled step, and a lean Python forward pass of the small model (fused
projections, keys and values in one tensor per layer) with torch's own kernels for the products, eager and compiled.
Each way computes one step of several sequences with 128 earlier tokens. Ways take turns; figures are medians in ms.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, DynamicCache

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from glados_bots.inference.model_files import cards, choosing, weights  # noqa: E402
from glados_bots.inference.transformers_engine.cpu.build import library  # noqa: E402
from glados_bots.inference.transformers_engine.cpu.packing import PackedModel  # noqa: E402
from glados_bots.inference.transformers_engine.cpu.runner import PAGE, Runner  # noqa: E402
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler  # noqa: E402

PAST = 128
Product = Callable[[torch.Tensor], torch.Tensor]
Way = Callable[[], object]


def bfloat16(weight: torch.Tensor) -> Product:
    """A product by oneDNN."""
    kept = weight.to(torch.bfloat16).contiguous()
    return lambda x: functional.linear(x, kept)


def int8(weight: torch.Tensor) -> Product:
    """The weight-only 8-bit product of torch, with one scale per output."""
    scales = weight.float().abs().amax(1) / 127
    numbers = (weight.float() / scales[:, None]).round().to(torch.int8)
    factors = scales.to(torch.bfloat16)
    return lambda x: torch.ops.aten._weight_int8pack_mm(x, numbers, factors)  # noqa: SLF001 - it has no other name


def int4(weight: torch.Tensor) -> Product:
    """The weight-only 4-bit product of torch, with groups of 32."""
    outputs, inputs = weight.shape
    groups = weight.float().view(outputs, inputs // 32, 32)
    low, high = groups.amin(-1), groups.amax(-1)
    scales = ((high - low) / 15).clamp(min=1e-6)
    numbers = ((groups - low[..., None]) / scales[..., None]).round().clamp(0, 15).to(torch.int32).view(outputs, inputs)
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(numbers, 1)  # noqa: SLF001 - same
    zeros = low + scales * 8
    both = torch.stack([scales, zeros], -1).transpose(0, 1).contiguous().to(torch.bfloat16)
    return lambda x: torch.ops.aten._weight_int4pack_mm_for_cpu(x, packed, 32, both)  # noqa: SLF001 - same


class Lean:
    """The forward pass of a step, in Python, without transformers' modules."""

    def __init__(self, model: Any, make: Callable[[torch.Tensor], Product], *, compiled: bool = False) -> None:
        inner, self.config = model.model, model.config
        self.embedding, self.norm, self.head = inner.embed_tokens.weight, inner.norm.weight, make(model.lm_head.weight)
        self.layers = [
            (
                layer.input_layernorm.weight,
                make(torch.cat([getattr(layer.self_attn, f"{name}_proj").weight for name in "qkv"])),
                make(layer.self_attn.o_proj.weight),
                layer.post_attention_layernorm.weight,
                make(torch.cat([layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight])),
                make(layer.mlp.down_proj.weight),
            )
            for layer in inner.layers
        ]
        self.cosine, self.sine = inner.rotary_emb(torch.zeros(1, dtype=torch.bfloat16), torch.tensor([[PAST]]))
        self.forward = torch.compile(self._layer, dynamic=True) if compiled else self._layer

    def _layer(self, x: torch.Tensor, parts: Any, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        norm, qkv, out, mlp_norm, gate_up, down = parts
        config, rows = self.config, x.shape[0]
        heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
        size, epsilon = config.head_dim, config.rms_norm_eps
        both = qkv(functional.rms_norm(x, x.shape[-1:], norm, epsilon)).view(rows, heads + 2 * kv_heads, size)
        turned = both[:, : heads + kv_heads]
        half = size // 2
        swapped = torch.cat([-turned[..., half:], turned[..., :half]], -1)
        turned = turned * self.cosine + swapped * self.sine
        keys[:rows, :, PAST] = turned[:, heads:]
        values[:rows, :, PAST] = both[:, heads + kv_heads :]
        seen = functional.scaled_dot_product_attention(
            turned[:, :heads, None], keys[:rows, :, : PAST + 1], values[:rows, :, : PAST + 1], enable_gqa=True
        )
        x = x + out(seen.reshape(rows, -1))
        gate, up = gate_up(functional.rms_norm(x, x.shape[-1:], mlp_norm, epsilon)).chunk(2, -1)
        return x + down(functional.silu(gate) * up)

    def step(self, tokens: torch.Tensor, cache: Any) -> torch.Tensor:
        """Scores of the next tokens."""
        x = self.embedding[tokens]
        for parts, (keys, values) in zip(self.layers, cache, strict=True):
            x = self.forward(x, parts, keys, values)
        return self.head(functional.rms_norm(x, x.shape[-1:], self.norm, self.config.rms_norm_eps))


class Request:
    """The part of the library's request that our runner reads."""

    has_new_token, query_length, position_offset = True, 1, PAST

    def __init__(self, name: str) -> None:
        self.state = self
        self.request_id = name
        self.tokens_to_process = [5]


class Pages:
    """The part of the library's cache that our runner reads."""

    def __init__(self, config: Any, sequences: int) -> None:
        self.bytes_per_block = config.num_hidden_layers * PAGE * 4 * config.num_key_value_heads * config.head_dim
        each = PAST // PAGE + 1
        self.cache_tensor = torch.zeros(sequences * each * self.bytes_per_block, dtype=torch.uint8)
        self.block_table = {str(n): list(range(n * each, n * each + each)) for n in range(sequences)}
        self.cache_allocators = {"full_attention": self}


class Greedy(Sampler):
    """Chooses the likeliest token, without any request's settings."""

    def choose_all(self, states: Sequence[Any], scores: torch.Tensor) -> list[int]:
        del states
        return [int(token) for token in scores.argmax(-1).tolist()]


def _stop(_: str, error: Exception) -> None:
    raise error


def ours(model: Any, sequences: int) -> Way:
    """The compiled step."""
    step = library(ROOT / "data").glados_step
    packed = PackedModel(model, PAST + 2)
    pages = Pages(model.config, sequences)
    runner = Runner(step, packed, pages, model.config.vocab_size, Greedy(_stop))

    def run() -> None:
        runner.prepare_batch_tensors([Request(str(number)) for number in range(sequences)])
        runner.run(None)

    return run


def modules(model: Any, sequences: int) -> Way:
    """The modules of transformers, with a cache that grows by copying."""
    past = DynamicCache(config=model.config)
    model(torch.full((sequences, PAST), 5), past_key_values=past)

    def run() -> None:
        model(torch.full((sequences, 1), 5), past_key_values=past, logits_to_keep=1)
        past.crop(-1)

    return run


def lean(forward: Lean, sequences: int) -> Way:
    """A lean pass with its own cache."""
    config = forward.config
    shape = (sequences, config.num_key_value_heads, PAST + 32, config.head_dim)
    cache = [[torch.zeros(shape, dtype=torch.bfloat16) for _ in range(2)] for _ in forward.layers]
    tokens = torch.full((sequences,), 5)
    return lambda: forward.step(tokens, cache)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    folder = weights.fetch(choosing.resolve(cards.EMBEDDED)[0], ROOT / "data", None)

    def load() -> Any:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()

    torch.set_grad_enabled(False)
    model = load()
    passes = {
        "lean, bfloat16": Lean(model, bfloat16),
        "lean, 8-bit kernel": Lean(model, int8),
        "lean, 4-bit kernel": Lean(model, int4),
        "lean, bfloat16, compiled": Lean(model, bfloat16, compiled=True),
        "lean, 8-bit kernel, compiled": Lean(model, int8, compiled=True),
    }
    for sequences in options.sequences:
        ways = {"transformers' modules": modules(model, sequences)}
        ways |= {name: lean(forward, sequences) for name, forward in passes.items()}
        ways["step.cpp, 8-bit"] = ours(load(), sequences)
        took: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds + 3):  # the first rounds compile and warm up
            for name, way in ways.items():
                begun = time.perf_counter()
                way()
                took[name].append((time.perf_counter() - begun) * 1000)
        for name, times in took.items():
            print(f"{sequences:3} sequences  {name:30}{statistics.median(times[3:]):8.1f} ms", flush=True)


if __name__ == "__main__":
    main()
