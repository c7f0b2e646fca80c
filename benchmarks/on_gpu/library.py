"""Sets transformers' own switches for an engine, and sees what the library made of them.

The engine leaves the choice to the library and has no setting for it. So while `observed` is open, two methods of
transformers are wrapped: the one that loads a model, and the one that makes a manager for continuous batching. An
engine that makes no such manager computes on its dense path, which has attention, but no other of these switches.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from transformers import PreTrainedModel
from transformers.generation.continuous_batching.continuous_api import ContinuousMixin
from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

from benchmarks.on_gpu.report import LeftOutError

INSTALLED = {"flash_attention_2": is_flash_attn_2_available, "flash_attention_3": is_flash_attn_3_available}


@dataclass(frozen=True, slots=True)
class Switches:
    """None leaves the choice to the library."""

    attention: str | None = None  # eager, sdpa, flash_attention_2 or flash_attention_3
    graphs: bool | None = None  # CUDA graphs
    asynchronous: bool | None = None  # prepare the next step while the GPU computes


class Library:
    """What the library made. Read it while the engine runs."""

    def __init__(self) -> None:
        self.model: Any = None
        self.manager: Any = None

    def used(self) -> dict[str, str]:
        """Which attention was chosen, which passes are CUDA graphs, and whether batching is asynchronous."""
        attention = str(getattr(self.model.config, "_attn_implementation", "?")) if self.model else "?"
        if self.manager is None:
            return {"attention": attention, "CUDA graphs": "no paged path", "asynchronous": "no paged path"}
        config = self.manager.batch_processor.cb_config
        names = [name for name, on in zip(("prefill", "decode"), config.cuda_graph_booleans, strict=True) if on]
        asynchronous = "on" if config.use_async_batching else "off"
        return {"attention": attention, "CUDA graphs": ", ".join(names) or "off", "asynchronous": asynchronous}

    def weight_bytes(self) -> int:
        """Bytes of the model's weights as they were loaded."""
        tensors = {id(tensor): tensor for tensor in (*self.model.parameters(), *self.model.buffers())}
        return sum(tensor_bytes(tensor) for tensor in tensors.values())

    def cache_bytes(self) -> int:
        """Bytes of the cache for keys and values; 0 if it grows with the conversations."""
        if self.manager is None:
            return 0
        return tensor_bytes(self.manager.batch_processor.cache.cache_tensor)


def tensor_bytes(tensor: Any) -> int:
    """Bytes of a tensor. One of torchao wraps others, and claims the type that it had before it was quantised."""
    if hasattr(tensor, "__tensor_flatten__"):
        return sum(tensor_bytes(getattr(tensor, name)) for name in tensor.__tensor_flatten__()[0])
    return int(tensor.numel() * tensor.element_size())


@contextmanager
def observed(switches: Switches) -> Iterator[Library]:
    """Let engines that start in this block use the switches. Raises LeftOutError if that attention is not installed."""
    if not INSTALLED.get(str(switches.attention), lambda: True)():
        raise LeftOutError(f"{switches.attention} is not installed")
    seen = Library()
    load, begin = PreTrainedModel.from_pretrained.__func__, ContinuousMixin.init_continuous_batching

    def loaded(cls: Any, *args: Any, **kwargs: Any) -> Any:
        found = load(cls, *args, **kwargs)
        seen.model = found[0] if isinstance(found, tuple) else found
        if switches.attention is not None:
            seen.model.set_attn_implementation(switches.attention)
        return found

    def begun(model: Any, generation: Any = None, batching: Any = None, *args: Any, **kwargs: Any) -> Any:
        _set(batching, switches)
        seen.model, seen.manager = model, begin(model, generation, batching, *args, **kwargs)
        return seen.manager

    with (
        patch.object(PreTrainedModel, "from_pretrained", classmethod(loaded)),
        patch.object(ContinuousMixin, "init_continuous_batching", begun),
    ):
        yield seen


def _set(batching: Any, switches: Switches) -> None:
    if switches.attention is not None:
        batching.auto_switch_to_flash = False
    if switches.graphs is not None:
        batching.use_cuda_graph = switches.graphs
    if switches.asynchronous is not None:
        batching.use_async_batching = switches.asynchronous
