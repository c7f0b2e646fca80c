"""Several LoRAs on one base in the same forward pass, without our own scheduler. Outputs never mix.

transformers' continuous batching packs the tokens of all requests of a step into one row. A hook on each tuned layer
adds ((x A) masked) B to its output. A and B hold all LoRAs side by side, and the mask lets each token see only the
columns of its own LoRA. All LoRAs are computed for all tokens. This costs little as long as the sum of their ranks is
small compared with the layer. No shape depends on data, so it also runs under CUDA graphs.

LoRAs may come and go: then `Room` says how many columns each slot has, whether it is taken or not. A load writes into
the columns of one slot. The shapes stay, and so do the sums of all other slots: their tokens get exact zeros from it.

A request's id names its LoRA (`tag`), so it is right however late a step reads it. The step's LoRAs are one number per
sequence, in an extra row of the tensor that the library copies to the device for logits processors.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList

from glados_bots.errors import ConfigError

BASE = 0  # the slot of requests that use no LoRA
MARK = ":lora"
MATRIX = 2  # dimensions of tokens that a mixture of experts has taken out of their rows
PACKED = 3  # dimensions of the tokens of a paged step: one row of all requests
# Bounds of weights and of what a LoRA adds, far above those of any LoRA. Beyond them, sums could become infinite, and
# an infinite number times the zero of a mask is no number: one LoRA would spoil the answers of all.
MOST_WEIGHT = 1e4
MOST_ADDED = 65_504.0


@dataclass(frozen=True, slots=True)
class Pair:
    """What one LoRA adds to one linear layer: B A x. B includes the scaling. Shapes: a (rank, in), b (out, rank)."""

    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Room:
    """What is kept free for LoRAs that come later."""

    slots: int  # LoRAs that fit at the same time
    rank: int  # of each, at most
    layers: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # (in, out) of each layer they may change


def tag(request_id: str, mark: object) -> str:
    """A request id that names the request's LoRA. Args: mark: its slot, or `SLOT.NUMBER`, see `lora_slots.py`."""
    return f"{request_id}{MARK}{mark}"


def slot_of(request_id: str) -> int:
    """The LoRA slot in a request id; the base for an id without a mark, such as in the library's warm-up."""
    number = request_id.rpartition(MARK)[2].partition(".")[0]
    return int(number) if MARK in request_id and number.isdecimal() else BASE


class Step(threading.local):
    """What belongs to which LoRA in the step of this thread. Turns with pictures have a scheduler of their own."""

    index: torch.Tensor | None = None  # LoRA of each token of the step
    kept: torch.Tensor | None = None  # LoRA of each token whose logits are wanted
    rows: torch.Tensor | None = None  # LoRA of each row of a dense batch; shape (rows,)


class TunedLayer:
    """The columns of all slots in one layer.

    Args:
        size: (in, out).
        widths: columns of each slot, from slot 1 on.
        place: device and dtype.
    """

    def __init__(self, size: tuple[int, int], widths: Sequence[int], place: Mapping[str, Any]) -> None:
        self.a = torch.zeros(size[0], sum(widths), **place)
        self.b = torch.zeros(sum(widths), size[1], **place)
        slots = [torch.full((width,), slot, dtype=torch.int32) for slot, width in enumerate(widths, start=BASE + 1)]
        self.columns = torch.cat(slots).to(place["device"])  # the slot of each column
        self._begins = [sum(widths[:slot]) for slot in range(len(widths) + 1)]

    def write(self, slot: int, pair: Pair | None) -> None:
        """Replace what a slot adds here; None: nothing."""
        begin, end = self._begins[slot - 1], self._begins[slot]
        rank = 0 if pair is None else pair.a.shape[0]
        if pair is not None:
            self.a[:, begin : begin + rank].copy_(pair.a.T)
            self.b[begin : begin + rank].copy_(pair.b.T)
        self.a[:, begin + rank : end].zero_()
        self.b[begin + rank : end].zero_()

    def pair(self, slot: int) -> Pair | None:
        """What a slot adds here; None: nothing."""
        columns = slice(self._begins[slot - 1], self._begins[slot])
        a, b = self.a[:, columns].T, self.b[columns].T
        return Pair(a, b) if bool(b.any()) else None

    def ready(self, pair: Pair) -> Pair:
        """The pair on this layer's device."""
        return Pair(pair.a.to(self.a), pair.b.to(self.b))

    def fits(self, x: Any, output: Any) -> bool:
        """Whether the layer maps each token to one row of its own size; a router of experts, for one, may not."""
        wanted = (*x.shape[:-1], self.b.shape[1])
        return isinstance(output, torch.Tensor) and output.shape == wanted and x.shape[-1] == self.a.shape[0]

    def added(self, x: torch.Tensor, slots: torch.Tensor) -> torch.Tensor:
        """What each token's own LoRA adds. Args: slots: the LoRA of each token, as wide as `x` less its last one."""
        others = slots.to(self.columns.device, non_blocking=True)[..., None] != self.columns
        return ((x @ self.a).masked_fill(others, 0) @ self.b).clamp(-MOST_ADDED, MOST_ADDED)


class MultiLora:
    """The LoRAs of one model. Slot 0 is the base; the LoRAs follow in the given order.

    Args:
        model: the loaded base. Its modules get hooks; its weights, quantised or not, stay as they are.
        loras: for each LoRA, what it adds to which module; see `read_loras`.
        room: for LoRAs that come later; None: no others ever come.
    """

    def __init__(self, model: Any, loras: Mapping[str, Mapping[str, Pair]], room: Room | None = None) -> None:
        self.slots = {name: slot for slot, name in enumerate(loras, start=BASE + 1)}
        self.room = room
        self.capacity = room.slots if room else len(loras)  # the largest slot
        self._followers: list[Callable[[int, Mapping[str, Pair]], None]] = []
        self.strange: set[str] = set()  # layers whose tokens cannot be told apart: no LoRA may change them
        self._step = Step()
        self._sees_numbers = model.device.type == "cpu"  # elsewhere, reading one would wait for the device
        self._layers: dict[str, TunedLayer] = {}
        for name in sorted({*(room.layers if room else ()), *(name for pairs in loras.values() for name in pairs)}):
            self._hook(model.get_submodule(name), name, [pairs.get(name) for pairs in loras.values()], model)
        model.register_forward_pre_hook(self._before_step, with_kwargs=True)

    def _hook(self, module: Any, name: str, pairs: Sequence[Pair | None], model: Any) -> None:
        """Add a hook with the columns of all slots."""
        place = {"device": next(module.parameters()).device, "dtype": model.dtype}
        layer = self._layers[name] = TunedLayer(self._size(name, pairs), self._widths(pairs), place)
        for slot, pair in enumerate(pairs, start=BASE + 1):
            layer.write(slot, pair)

        def add(module: Any, args: tuple[Any, ...], output: Any) -> Any:
            del module
            if self._step.rows is None and self._step.index is None:
                return output
            index = self._index_for(args[0]) if args and layer.fits(args[0], output) else None
            if index is None:
                self.strange.add(name)
                return output
            return output + layer.added(args[0], index)

        module.register_forward_hook(add)

    def _size(self, name: str, pairs: Sequence[Pair | None]) -> tuple[int, int]:
        if self.room and name in self.room.layers:
            return self.room.layers[name]
        return next((pair.a.shape[1], pair.b.shape[0]) for pair in pairs if pair is not None)

    def _widths(self, pairs: Sequence[Pair | None]) -> list[int]:
        own = [0 if pair is None else int(pair.a.shape[0]) for pair in pairs]
        if self.room is None:
            return own
        return [max(width, self.room.rank) for width in own + [0] * (self.room.slots - len(own))]

    def _index_for(self, x: torch.Tensor) -> torch.Tensor | None:
        """The LoRA of each token in `x`. The head gets only tokens whose logits are needed; other layers get all.

        None if `x` has no dimension of tokens where one is expected.
        """
        rows, index, kept = self._step.rows, self._step.index, self._step.kept
        if rows is not None and x.dim() > MATRIX:  # MLA's latents have a dimension of heads, too
            return rows.view(-1, *[1] * (x.dim() - MATRIX))
        if rows is not None:
            return rows.repeat_interleave(len(x) // len(rows)) if len(x) % len(rows) == 0 else None
        if not MATRIX <= x.dim() <= PACKED:
            return None
        return next((one for one in (index, kept) if one is not None and x.shape[-2] == one.shape[0]), None)

    def assign(self, slots: Sequence[int], device: Any) -> None:
        """Name the LoRA of each row of the next steps of a dense batch."""
        self._step.index = self._step.kept = None
        self._step.rows = torch.tensor(slots, dtype=torch.int32, device=device) if any(slots) else None

    def _before_step(self, model: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """Assign each sequence's LoRA to its tokens. Uses only tensor operations, so a CUDA graph can capture it."""
        del model, args
        self._step.index = self._step.kept = None
        if "cu_seq_lens_q" not in kwargs:
            return
        sequences = kwargs["logits_processor_args"][-1]
        if self._sees_numbers and not bool(sequences[: len(kwargs["cu_seq_lens_q"]) - 1].any()):
            return  # no LoRA in this step
        ends = kwargs["cu_seq_lens_q"][1:]
        tokens = torch.arange(kwargs["input_ids"].shape[-1], device=ends.device, dtype=ends.dtype)
        sequence = torch.bucketize(tokens, ends, right=True).clamp_(max=ends.shape[0] - 1)
        self._step.index = sequences[sequence]
        self._step.kept = self._step.index[kwargs["logits_indices"]]

    # --- LoRAs that come and go; called in any thread --------------------------------------------------------------

    def ready(self, pairs: Mapping[str, Pair]) -> dict[str, Pair]:
        """The pairs on their layers' devices, so that `write` is quick.

        Raises:
            ConfigError: a layer cannot be changed here.
        """
        for name in pairs:
            if name not in self._layers or name in self.strange:
                raise ConfigError(
                    f"{name}: while the service runs, a LoRA can change plain layers that read text, and this is none; "
                    "use another LoRA"
                )
        return {name: self._layers[name].ready(pair) for name, pair in pairs.items()}

    def write(self, slot: int, pairs: Mapping[str, Pair]) -> None:
        """Replace the LoRA of a slot that no request uses. Call this between two steps. Args: pairs: from `ready`."""
        with torch.inference_mode():
            for name, layer in self._layers.items():
                layer.write(slot, pairs.get(name))
        for follow in self._followers:
            follow(slot, pairs)

    def follow(self, write: Callable[[int, Mapping[str, Pair]], None]) -> None:
        """Call `write` for each LoRA that is here, and for each that comes."""
        self._followers.append(write)
        for slot in self.slots.values():
            found = {name: layer.pair(slot) for name, layer in self._layers.items()}
            write(slot, {name: pair for name, pair in found.items() if pair is not None})


class LoraProcessors(ContinuousBatchingLogitsProcessorList):  # type: ignore[misc] # transformers is untyped here
    """The library's list of processors with one extra row: the LoRA of each sequence of the step."""

    def fill_defaults(self, int32_tensor: torch.Tensor) -> None:
        """Fill the extra row with the base's slot."""
        super().fill_defaults(int32_tensor)
        int32_tensor[-1] = BASE

    def prepare_tensor_args(self, requests_in_batch: list[Any], arg_storage: torch.Tensor) -> torch.Tensor:
        """Write the LoRAs of the next step's requests, in the order in which their tokens are packed."""
        super().prepare_tensor_args(requests_in_batch, arg_storage)
        slots = [slot_of(request.state.request_id) for request in requests_in_batch]
        arg_storage[-1, : len(slots)] = torch.tensor(slots, dtype=torch.int32).to(arg_storage.device)
        return arg_storage
