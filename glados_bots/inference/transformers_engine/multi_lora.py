"""Several LoRAs on one base in the same forward pass, without our own scheduler. Outputs never mix.

transformers' continuous batching packs the tokens of all requests of a step into one row. A hook on each tuned layer
adds ((x A) * mask) B to its output. A and B hold all LoRAs side by side, and the mask lets each token see only the
columns of its own LoRA. All LoRAs are computed for all tokens. This costs little as long as the sum of their ranks is
small compared with the layer. No shape depends on data, so it also runs under CUDA graphs.

A request's id names its LoRA (`tag`), so it is right however late a step reads it. The step's LoRAs are one number per
sequence, in an extra row of the tensor that the library copies to the device for logits processors.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList

BASE = 0  # the slot of requests that use no LoRA
MARK = ":lora"
MATRIX = 2  # dimensions of tokens that a mixture of experts has taken out of their rows


@dataclass(frozen=True, slots=True)
class Pair:
    """What one LoRA adds to one linear layer: B A x. B includes the scaling. Shapes: a (rank, in), b (out, rank)."""

    a: Any
    b: Any


def tag(request_id: str, slot: int) -> str:
    """A request id that names the request's LoRA."""
    return f"{request_id}{MARK}{slot}"


def slot_of(request_id: str) -> int:
    """The LoRA slot in a request id; the base for an id without a mark, such as in the library's warm-up."""
    number = request_id.rpartition(MARK)[2]
    return int(number) if MARK in request_id and number.isdecimal() else BASE


class Step(threading.local):
    """What belongs to which LoRA in the step of this thread. Turns with pictures have a scheduler of their own."""

    index: torch.Tensor | None = None  # LoRA of each token of the step
    kept: torch.Tensor | None = None  # LoRA of each token whose logits are wanted
    rows: torch.Tensor | None = None  # LoRA of each row of a dense batch; shape (rows,)


class MultiLora:
    """The LoRAs of one model. Slot 0 is the base; the LoRAs follow in the given order.

    Args:
        model: the loaded base. Its modules get hooks; its weights, quantised or not, stay as they are.
        loras: for each LoRA, what it adds to which module; see `read_loras`.
    """

    def __init__(self, model: Any, loras: Mapping[str, Mapping[str, Pair]]) -> None:
        self.slots = {name: slot for slot, name in enumerate(loras, start=BASE + 1)}
        self._step = Step()
        for name in sorted({name for pairs in loras.values() for name in pairs}):
            self._hook(model.get_submodule(name), [(self.slots[lora], loras[lora].get(name)) for lora in loras], model)
        model.register_forward_pre_hook(self._before_step, with_kwargs=True)

    def _hook(self, module: Any, pairs: Sequence[tuple[int, Pair | None]], model: Any) -> None:
        """Add a hook with all LoRAs side by side: A (in, all ranks), B (all ranks, out), and each column's LoRA."""
        present = [(slot, pair) for slot, pair in pairs if pair is not None]
        place = {"device": next(module.parameters()).device, "dtype": model.dtype}
        a = torch.cat([pair.a.to(**place) for _, pair in present]).T.contiguous()
        b = torch.cat([pair.b.to(**place) for _, pair in present], dim=1).T.contiguous()
        columns = torch.cat([torch.full((pair.a.shape[0],), slot, dtype=torch.int32) for slot, pair in present])
        columns = columns.to(place["device"])

        def add(module: Any, args: tuple[Any, ...], output: Any) -> Any:
            del module
            x = args[0]
            index = self._index_for(x)
            if index is None:
                return output
            mask = (index.to(columns.device, non_blocking=True)[..., None] == columns).to(x.dtype)
            return output + ((x @ a) * mask) @ b

        module.register_forward_hook(add)

    def _index_for(self, x: torch.Tensor) -> torch.Tensor | None:
        """The LoRA of each token in `x`. The head gets only tokens whose logits are needed; other layers get all."""
        rows, index = self._step.rows, self._step.index
        if rows is not None and x.dim() > MATRIX:  # MLA's latents have a dimension of heads, too
            return rows.view(-1, *[1] * (x.dim() - MATRIX))
        if rows is not None:
            return rows.repeat_interleave(len(x) // len(rows))
        if index is None or x.shape[-2] == index.shape[0]:
            return index
        return self._step.kept

    def assign(self, slots: torch.Tensor) -> None:
        """Name the LoRA of each row of the next steps of a dense batch. Args: slots: shape (rows,)."""
        self._step.rows = slots

    def _before_step(self, model: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """Assign each sequence's LoRA to its tokens. Uses only tensor operations, so a CUDA graph can capture it."""
        del model, args
        if "cu_seq_lens_q" not in kwargs:
            self._step.index = self._step.kept = None
            return
        ends = kwargs["cu_seq_lens_q"][1:]
        tokens = torch.arange(kwargs["input_ids"].shape[-1], device=ends.device, dtype=ends.dtype)
        sequence = torch.bucketize(tokens, ends, right=True).clamp_(max=ends.shape[0] - 1)
        self._step.index = kwargs["logits_processor_args"][-1][sequence]
        self._step.kept = self._step.index[kwargs["logits_indices"]]


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
