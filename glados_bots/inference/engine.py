"""What an engine is: the seam between the HTTP service and whatever computes tokens.

A second engine is one file with a class of this shape and one line in `ENGINES`. The service knows nothing else about
it. This module imports no torch, so that tools and tests may use it on any machine.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from glados_bots.conversation import Message
from glados_bots.wire.events import Event, Sampling

# Name -> "module:class", imported on demand, because importing an engine imports torch.
ENGINES = {
    "transformers": "glados_bots.inference.transformers_engine.engine:TransformersEngine",
    "vllm": "glados_bots.inference.vllm_engine.engine:VllmEngine",
    "echo": "glados_bots.inference.echo_engine:EchoEngine",
}
# Those with a model of their own, and what that does. They are made with None for its card.
WITHOUT_CARD = {"echo": "repeats the question, without weights"}


@dataclass(frozen=True, slots=True)
class EngineStats:
    """A snapshot for `/metrics` and `/health`. Counts of requests, and of KV cache pages in use or kept."""

    waiting: int
    running: int
    kv_pages_used: int
    kv_pages_total: int


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What an engine may use of this machine."""

    data_dir: Path  # folder for converted weights
    hf_token: str | None = None  # hub token for gated models
    multi_gpu: bool = False  # spread one model over all GPUs
    max_waiting: int = 64  # requests that may wait; more are refused with QueueFullError
    max_running: int = 16  # requests computed at once
    # Whose requests find again what was read of a prompt: those of any caller, or of the same one.
    share_prefixes: Literal["key", "all"] = "key"
    cache_gb: float | None = None  # memory for keys and values, in 10^9 bytes; None chooses by the device
    quantize: str = "auto"  # auto, none, 8bit or 4bit, see GLADOS_QUANTIZE
    # Folders of more LoRAs on the same base, by the model names they are served as
    loras: Mapping[str, Path] = field(default_factory=dict)
    base_only: bool = False  # leave out the card's own LoRA
    show_reasoning: bool = False  # show what the model thinks before it answers
    vllm_command: str = "vllm"  # the `vllm` program, for the engine of that name
    vllm_arguments: tuple[str, ...] = ()  # what it is told besides, such as `--enforce-eager`


class Engine(Protocol):
    """One loaded model that answers many requests at once."""

    async def start(self) -> None:
        """Load the weights and warm up. Raises ConfigError when the model cannot be loaded."""

    async def stop(self) -> None:
        """Cancel what runs and free the model."""

    def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """Answer one conversation: any number of `Queued`, then `Begun`, then `Delta`s, then exactly one `Finished`.

        `caller` says whose request it is: callers take turns in the line. Letters and digits, empty for the operator.

        Closing the iterator (`aclose`, or cancelling its reader) cancels the generation at once.

        Raises (from the first `__anext__` on):
            PromptTooLongError: the messages do not fit the window.
            QueueFullError: too many requests wait already.
            GenerationFailedError: this request failed; others go on.
            EngineDeadError: the engine cannot go on.
        """

    @property
    def models(self) -> tuple[str, ...]:
        """Names a request may ask for; the first is the default."""

    @property
    def context_length(self) -> int:
        """Tokens of prompt and answer together."""

    @property
    def fatal(self) -> str | None:
        """Why the engine is dead, or None while it lives."""

    def stats(self) -> EngineStats:
        """Counts at this moment."""
