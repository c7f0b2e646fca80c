"""Packs a Llama-like model's weights in the order of products.h: 8 bits, groups of 32, sixteen outputs side by side.

Each group of 32 weights of one output shares a scale: its largest weight / 127. With this scheme, answers and
perplexity stay within the bounds in benchmarks/quality.py.
"""

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, c_float, c_int32, c_void_p
from typing import Any

import torch

from glados_bots.inference.transformers_engine.cpu.memory import Arena

LANES, GROUP = 16, 32
CLASSES = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM")
HEAD_DIMS = (64, 128)


class Matrix(ctypes.Structure):
    """See model.h."""

    _fields_ = (
        ("weights", c_void_p),
        ("scales", c_void_p),
        ("bias", c_void_p),
        ("inputs", c_int32),
        ("outputs", c_int32),
    )


class Layer(ctypes.Structure):
    """See model.h."""

    _fields_ = (
        ("attention_norm", c_void_p),
        ("mlp_norm", c_void_p),
        *((name, Matrix) for name in ("qkv", "out", "gate_up", "down")),
    )


class Model(ctypes.Structure):
    """See model.h."""

    _fields_ = (
        *((name, c_int32) for name in ("layers", "hidden", "heads", "kv_heads", "head_dim", "intermediate")),
        ("epsilon", c_float),
        *((name, c_void_p) for name in ("embedding", "final_norm", "cosines", "sines")),
        ("head", Matrix),
        ("layer", POINTER(Layer)),
    )


def why_not(model: Any) -> str | None:
    """Why this model cannot be computed by step.cpp, or None when it can."""
    if type(model).__name__ not in CLASSES:
        return f"the step does not support the class {type(model).__name__}"
    config, layer = model.config, model.model.layers[0]
    windows = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
    faults = {
        "the step does not support sliding windows": windows,
        f"the step does not support heads of {layer.self_attn.head_dim}": layer.self_attn.head_dim not in HEAD_DIMS,
        "its MLP differs": config.hidden_act != "silu" or layer.mlp.gate_proj.bias is not None,
        "its rotary embedding changes with the length": model.model.rotary_emb.rope_type in {"dynamic", "longrope"},
        "its sizes are not multiples of 32": config.hidden_size % GROUP or config.intermediate_size % GROUP,
    }
    return next((reason for reason, found in faults.items() if found), None)


class PackedModel:
    """A model's weights in the form that step.cpp needs."""

    def __init__(self, model: Any, positions: int) -> None:
        """Pack a model. Args: model: `why_not` is None for it; positions: longest sequence in tokens."""
        self._arena = Arena()
        inner, config = model.model, model.config
        attention = inner.layers[0].self_attn
        self.layers = (Layer * len(inner.layers))(*(self._layer(layer) for layer in inner.layers))
        cosines, sines = self._rotations(inner.rotary_emb, positions, attention.head_dim)
        head = self._matrix([model.lm_head.weight])
        self.vocabulary = head.outputs  # columns of the scores; the last ones may be padding, always 0
        # Pass it by reference; it is valid as long as this object lives
        self.model = Model(
            layers=len(inner.layers),
            hidden=config.hidden_size,
            heads=config.num_attention_heads,
            kv_heads=config.num_key_value_heads,
            head_dim=attention.head_dim,
            intermediate=config.intermediate_size,
            epsilon=config.rms_norm_eps,
            embedding=self._arena.keep(inner.embed_tokens.weight.detach().to(torch.bfloat16)),
            final_norm=self._arena.keep(inner.norm.weight.detach().float()),
            cosines=cosines,
            sines=sines,
            head=head,
            layer=ctypes.cast(self.layers, POINTER(Layer)),
        )

    def _layer(self, layer: Any) -> Layer:
        """Pack a layer, and free the memory of its own weights."""
        attention, mlp = layer.self_attn, layer.mlp
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        packed = Layer(
            attention_norm=self._arena.keep(layer.input_layernorm.weight.detach().float()),
            mlp_norm=self._arena.keep(layer.post_attention_layernorm.weight.detach().float()),
            qkv=self._matrix([p.weight for p in projections], [p.bias for p in projections]),
            out=self._matrix([attention.o_proj.weight], [attention.o_proj.bias]),
            gate_up=self._matrix([_alternating(mlp.gate_proj.weight, mlp.up_proj.weight)]),
            down=self._matrix([mlp.down_proj.weight]),
        )
        for parameter in layer.parameters():
            parameter.data = parameter.data.new_empty(0)
        return packed

    def _rotations(self, rotary: Any, positions: int, head_dim: int) -> tuple[int, int]:
        """Addresses of the cosines and sines of each position, computed by the model's own rotary embedding."""
        places = torch.arange(positions)[None]
        both = rotary(torch.zeros(1, dtype=torch.float32), places)
        cosines, sines = (part[0, :, : head_dim // 2].float() for part in both)
        return self._arena.keep(cosines), self._arena.keep(sines)

    def _matrix(self, parts: Sequence[torch.Tensor], biases: Sequence[torch.Tensor | None] = ()) -> Matrix:
        rows = torch.cat([part.detach() for part in parts])
        missing = -rows.shape[0] % LANES
        if missing:
            rows = torch.cat([rows, rows.new_zeros(missing, rows.shape[1])])
        weights, scales = pack(rows)
        present = [bias.detach().float() for bias in biases if bias is not None]
        bias = self._arena.keep(torch.cat(present)) if present else None
        return Matrix(self._arena.keep(weights), self._arena.keep(scales), bias, rows.shape[1], rows.shape[0])


def pack(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Quantise a matrix.

    Args:
        rows: shape (outputs, inputs), multiples of 16 and of 32.

    Returns:
        bytes, shape (outputs / 16, inputs / 4, 16, 4), plus 128; scales, shape (outputs / 16, inputs / 32, 16).
    """
    outputs, inputs = rows.shape
    groups = rows.float().view(outputs, inputs // GROUP, GROUP)
    scales = (groups.abs().amax(-1, keepdim=True) / 127).to(torch.bfloat16)
    steps = torch.where(scales == 0, 1, scales).float()
    numbers = (groups / steps).round_().clamp_(-127, 127).add_(128).to(torch.uint8)
    tiles = numbers.view(outputs // LANES, LANES, inputs // 4, 4).transpose(1, 2).contiguous()
    return tiles, scales.view(outputs // LANES, LANES, inputs // GROUP).transpose(1, 2).contiguous()


def _alternating(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """Sixteen rows of the gate, then the sixteen matching rows of `up`, and so on."""
    both = torch.stack([part.detach().view(-1, LANES, part.shape[1]) for part in (gate, up)], dim=1)
    return both.view(-1, gate.shape[1])
