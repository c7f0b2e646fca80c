"""The LoRAs of step.cpp: their matrices in float32, in the order of packing.py, by slot."""

import ctypes
from collections.abc import Mapping, Sequence
from ctypes import c_int32, c_void_p
from typing import Any

import torch

from glados_bots.inference.transformers_engine.cpu.packing import LANES, Layer, Matrix
from glados_bots.inference.transformers_engine.multi_lora import Pair

# The layers of each matrix, in the order of their outputs. Those of `gate_up` alternate.
MATRICES = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
HEAD = "lm_head"


class LowRank(ctypes.Structure):
    """See model.h."""

    _fields_ = (("a", c_void_p), ("b", c_void_p), ("rank", c_int32))


class StepLoras:
    """A table of what each LoRA adds to each matrix.

    Args:
        model: the loaded model, whose layers have their sizes still.
        layers: the packed ones.
        head: the packed head.
        slots: how many LoRAs there can be.
    """

    def __init__(self, model: Any, layers: ctypes.Array[Layer], head: Matrix, slots: int) -> None:
        names = [f"model.layers.{n}.{name}" for n in range(len(layers)) for part in MATRICES.values() for name in part]
        self._sizes = {name: int(model.get_submodule(name).out_features) for name in names}
        self._sizes[HEAD] = int(model.lm_head.out_features)
        self._parts = [(tuple(f"model.layers.{n}.{name}" for name in part), getattr(layer, kind))
                       for n, layer in enumerate(layers) for kind, part in MATRICES.items()]  # fmt: skip
        self._parts.append(((HEAD,), head))
        self.table = (LowRank * ((slots + 1) * len(self._parts)))()
        self._kept: dict[int, list[torch.Tensor]] = {}  # what the table points to
        self.most_rank = 0

    def write(self, slot: int, pairs: Mapping[str, Pair]) -> None:
        """Replace the LoRA of a slot that no request uses. Call this between two steps."""
        kept: list[torch.Tensor] = []
        for place, (names, matrix) in enumerate(self._parts, start=slot * len(self._parts)):
            present = [(name, pairs[name]) for name in names if name in pairs]
            rank = sum(int(pair.a.shape[0]) for _, pair in present)
            self.table[place] = LowRank(rank=0)
            if rank:
                a = torch.cat([pair.a.float() for _, pair in present]).contiguous()
                b = self._b(names, present, matrix.outputs)
                kept += [a, b]
                self.table[place] = LowRank(a.data_ptr(), b.data_ptr(), rank)
                self.most_rank = max(self.most_rank, rank)
        self._kept[slot] = kept

    def _b(self, names: Sequence[str], present: Sequence[tuple[str, Pair]], outputs: int) -> torch.Tensor:
        """The B of all layers of a matrix, one below the other, each in its own columns: (rank, outputs)."""
        rows = []
        for name, pair in present:
            places = self._outputs(names, name)
            row = torch.zeros(pair.b.shape[1], outputs)
            row[:, places] = pair.b.T.float()
            rows.append(row)
        return torch.cat(rows).contiguous()

    def _outputs(self, names: Sequence[str], name: str) -> torch.Tensor:
        """Where the outputs of a layer are among those of its matrix."""
        numbers, at = torch.arange(self._sizes[name]), names.index(name)
        if names[0].endswith("gate_proj"):
            return numbers // LANES * 2 * LANES + at * LANES + numbers % LANES
        return numbers + sum(self._sizes[other] for other in names[:at])
