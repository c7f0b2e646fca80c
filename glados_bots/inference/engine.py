"""The interface between the HTTP service and an engine, which computes tokens.

A new engine needs one file with a class like `Engine` and one line in `ENGINES`. The service knows nothing else about
it. This module does not import torch, so tools and tests can use it on any machine.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from glados_bots.conversation import Message
from glados_bots.wire.events import Event, Sampling

# Name -> "module:class". Imported on demand, because most engines import torch.
ENGINES = {
    "transformers": "glados_bots.inference.transformers_engine.engine:TransformersEngine",
    "vllm": "glados_bots.inference.vllm_engine.engine:VllmEngine",
    "echo": "glados_bots.inference.echo_engine:EchoEngine",
}
# Engines with their own model, and what that model does. They get None instead of a card.
WITHOUT_CARD = {"echo": "repeats the question, without weights"}


@dataclass(frozen=True, slots=True)
class EngineStats:
    """A snapshot for `/metrics`: counts of requests, and of KV cache pages in use or kept for later requests."""

    waiting: int
    running: int
    kv_pages_used: int
    kv_pages_total: int


@dataclass(frozen=True, slots=True)
class ServedLora:
    """What `/v1/models` tells of a LoRA."""

    root: str  # where it is from: its path below the folder of LoRAs, or its hub id
    parent: str  # the model name of its base


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What an engine may use of this machine."""

    data_dir: Path  # folder for converted weights
    hf_token: str | None = None  # hub token for gated models
    multi_gpu: bool = False  # spread one model over all GPUs
    max_waiting: int = 64  # requests that may wait; further ones are refused with QueueFullError
    max_running: int = 16  # requests computed at the same time
    # Which requests share cached prompt prefixes: those of the same caller (`key`), or those of all callers
    share_prefixes: Literal["key", "all"] = "key"
    cache_gb: float | None = None  # memory for keys and values, in 10^9 bytes; None: depends on the device
    dtype: Literal["bfloat16", "float32"] = "bfloat16"  # of weights that are not quantised, and of keys and values
    context_length: int | None = None  # most tokens of prompt and answer together; None: see shapes.wanted_window
    quantize: str = "auto"  # auto, none, 8bit or 4bit, see GLADOS_QUANTIZE
    # Folders of additional LoRAs on the same base, by the model names under which they are served
    loras: Mapping[str, Path] = field(default_factory=dict)
    base_only: bool = False  # serve the base without the card's own LoRA
    max_loras: int = 0  # LoRAs at the same time, if they may come and go while the service runs; 0: they may not
    max_lora_rank: int = 16  # of each LoRA that comes later
    loras_dir: Path = Path("loras")  # LoRAs that come later are below this folder, or on the hub
    thinking_tokens: int = 4096  # the most tokens of reasoning before an answer
    vllm_command: str = "vllm"  # the `vllm` program, for the engine of that name
    vllm_arguments: tuple[str, ...] = ()  # additional arguments of `vllm serve`, such as `--enforce-eager`


class Engine(Protocol):
    """One loaded model that answers many requests at the same time."""

    async def start(self) -> None:
        """Load the weights and warm up. Raises ConfigError if the model cannot be loaded."""

    async def stop(self) -> None:
        """Cancel running requests and free the model."""

    def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """Answer one conversation: any number of `Queued`, then `Begun`, then the pieces, then one `Finished`.

        The pieces are `Thought`s, then `Delta`s and `ToolCallDelta`s.

        `caller` names the sender: callers take turns in the waiting line. Letters and digits, empty for the operator.

        Closing the iterator (`aclose`, or cancelling its reader) cancels the generation at once.

        Raises (from the first `__anext__` on):
            PromptTooLongError: the messages do not fit the model's window.
            PictureRefusedError: a picture cannot be read. Only `seeing` models get pictures.
            ModelNotServedError: the model is not in `models` any more.
            QueueFullError: too many requests wait already.
            GenerationFailedError: this request failed; other requests continue.
            EngineDeadError: the engine cannot continue.
        """

    def complete(
        self, model: str, prompt: str | Sequence[int], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """Continue a raw prompt: as `generate`, without a chat template and without reasoning.

        `ScoredPrompt` follows `Begun` if `sampling.prompt_logprobs` asks for it. With `max_tokens` 0 comes no `Delta`.
        """

    async def tokenize(self, prompt: str | Sequence[Message], sampling: Sampling, *, special: bool) -> list[int]:
        """The tokens of a raw prompt, or of a conversation. Args: special: see `Encoder.raw`; for raw prompts only."""

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of tokens. Raises ParameterRefusedError if a number is no token."""

    def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        """The bytes of each token."""

    def tokenizer_info(self) -> dict[str, str | None]:
        """What clients that make raw prompts ask of a tokenizer, by the names of transformers."""

    async def load_lora(self, name: str, path: str, *, in_place: bool = False) -> None:
        """Serve another LoRA under a name; see `loras/shelf.py`. No other answer changes. Raises LoraRefusedError."""

    async def unload_lora(self, name: str) -> None:
        """Refuse new requests for a LoRA, and answer those that were accepted. Raises LoraRefusedError."""

    @property
    def loras(self) -> Mapping[str, ServedLora]:
        """Those of `models` that are LoRAs beside the base."""

    @property
    def models(self) -> tuple[str, ...]:
        """Model names that a request may use; the first is the default."""

    @property
    def seeing(self) -> tuple[str, ...]:
        """Those of `models` that see pictures."""

    @property
    def context_length(self) -> int:
        """Maximum number of tokens of prompt and answer together."""

    @property
    def thinking_levels(self) -> tuple[str, ...]:
        """The levels of thinking that the model knows, such as `off` and `high`."""

    @property
    def thinking_tokens(self) -> int:
        """The most tokens of reasoning that an answer may cost beside its own limit."""

    @property
    def fatal(self) -> str | None:
        """Why the engine is dead, or None while it lives."""

    def stats(self) -> EngineStats:
        """The current counts."""
