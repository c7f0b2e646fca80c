"""The rows that a dense scheduler answers at the same time, and the forward passes that read and write for them."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache

from glados_bots.inference.transformers_engine.dense.kept import TAIL
from glados_bots.inference.transformers_engine.dense.states import joined, selected, size
from glados_bots.inference.transformers_engine.multi_lora import MultiLora, slot_of
from glados_bots.inference.transformers_engine.scheduler import Deliver
from glados_bots.inference.transformers_engine.vision.shown import Shown

ALL_JOIN = 512  # tokens; padding of such short rows costs less than another step


@dataclass(slots=True, eq=False)
class Request:
    """One request. The sampler knows it by its id."""

    request_id: str
    prompt: list[int]
    limit: int  # tokens of the answer
    deliver: Deliver
    tokens: list[int] = field(default_factory=list)  # the answer so far
    read: int = 0  # tokens of prompt and answer that its cache holds
    found: int = 0  # tokens of the prompt that were kept from an earlier request
    ended: bool = False  # it needs no further token: it is finished, has failed, or nobody reads it
    put_back: int = 0  # how often it had to wait again, because memory was short
    cache: Any = None  # while its prompt is read; then its row is in the batch
    shown: Shown | None = None  # its pictures

    @property
    def to_read(self) -> list[int]:
        """The tokens that its cache lacks. After the answer was put back, they include what was answered."""
        return [*self.prompt, *self.tokens][self.read :]

    @property
    def named(self) -> list[int]:
        """What its cache is kept under: its tokens, or the pictures' digests."""
        return [*(self.shown.named(self.prompt) if self.shown else self.prompt), *self.tokens]

    @property
    def offset(self) -> int:
        """The position of a token of the answer, less its number."""
        return self.shown.offset if self.shown else 0

    @property
    def keep_at(self) -> int:
        """Where its prompt is kept: a little before the end, and after its pictures."""
        return max(len(self.prompt) - TAIL, self.shown.end if self.shown else 0)


class Forward:
    """The model's forward pass with what each class wants to be told. Returns scores of the last tokens per row.

    Args:
        model: a loaded model.
        loras: the LoRAs beside its weights.
        window: the most tokens that a row can have.

    Attributes:
        equal_rows: only rows of one length may share a batch. Llama 4 scales its attention by the number of columns,
            padding included, from `floor_scale` tokens on.
        whole_prompts: a prompt must be read in one step. Mamba 1 (Jamba, Zamba) starts each step of several tokens
            with an empty state.
    """

    def __init__(self, model: Any, loras: MultiLora | None, window: int) -> None:
        config = model.config.get_text_config()
        self.equal_rows = getattr(config, "attn_temperature_tuning", False) and window > config.floor_scale
        self.whole_prompts = hasattr(config, "mamba_dt_rank")
        self._model = model
        self._loras = loras
        self._known = inspect.signature(model.forward).parameters
        self._can_keep = "logits_to_keep" in self._known

    def new_cache(self) -> Any:
        return DynamicCache(config=self._model.config)

    def read(self, request: Request, count: int, picture: int | None, *, keep: int = 1) -> torch.Tensor:
        """Add a piece of a request's prompt to its cache, with the picture in it. Returns the scores after it.

        Args: keep: number of its last tokens after which scores are wanted.
        """
        told = request.shown.told(picture, request.read, count, self._model) if request.shown else {}
        slots = [slot_of(request.request_id)]
        return self([request.to_read[:count]], request.cache, [request.read], slots, told=told, keep=keep)

    def __call__(
        self,
        tokens: Sequence[Sequence[int]],
        cache: Any,
        lengths: Sequence[int],
        slots: Sequence[int],
        *,
        offsets: Sequence[int] = (0,),
        told: Mapping[str, Any] | None = None,
        keep: int = 1,
    ) -> torch.Tensor:
        """Add tokens to every row of a cache.

        Args:
            tokens: the same number for each row.
            cache: changed in place.
            lengths: tokens of each row that the cache holds already, without padding.
            slots: each row's LoRA.
            offsets: of the positions of each row, or of all; see `Request.offset`.
            told: what else the model is told; it wins over what is the same for all models.
            keep: number of last tokens of each row after which scores are wanted.

        Returns:
            Scores, float32, shape (rows * keep, vocabulary).
        """
        device = self._model.device
        ids = torch.tensor(tokens, device=device)
        count, columns = ids.shape[1], max(lengths) + ids.shape[1]
        real = torch.tensor([length + count for length in lengths], device=device)[:, None]
        mask = torch.arange(columns, device=device) >= columns - real
        usual: dict[str, Any] = {"attention_mask": mask.long(), "past_key_values": cache, "use_cache": True}
        if "position_ids" in self._known:
            moved = real + torch.tensor(offsets, device=device)[:, None]
            usual["position_ids"] = moved - count + torch.arange(count, device=device)
        if self._loras is not None:
            self._loras.assign(slots, device)
        if self._can_keep:
            usual["logits_to_keep"] = keep
        logits: torch.Tensor = self._model(input_ids=ids, **usual | dict(told or {})).logits
        return logits[:, -keep:].flatten(0, 1).float()


class Batch:
    """The rows that are being answered: one cache, and one step for all."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._cache: Any = None
        self.rows: list[Request] = []

    def suits(self, request: Request) -> bool:
        """Whether the request may join: at most half of its batch would be padding, or none if the model needs that."""
        lengths = [request.read, *(row.read for row in self.rows)]
        if self._forward.equal_rows:
            return max(lengths) == min(lengths)
        return max(lengths) <= max(2 * min(lengths), ALL_JOIN)

    def join(self, request: Request) -> None:
        """Add a request whose prompt was read and whose first token is chosen."""
        caches = [cache for cache in (self._cache, request.cache) if cache is not None]
        self.rows.append(request)
        self._cache, request.cache = joined(caches, self._columns), None

    def leave(self, request: Request) -> Any:
        """Remove a row. Returns its cache."""
        place = self.rows.index(request)
        alone = selected(self._cache, [place], request.read)
        self.rows.remove(request)
        others = [index for index in range(len(self.rows) + 1) if index != place]
        self._cache = selected(self._cache, others, self._columns) if others else None
        return alone

    def step(self) -> torch.Tensor:
        """Read each row's newest token. Returns the scores for the next ones; shape (rows, vocabulary)."""
        newest = [row.tokens[-1:] for row in self.rows]
        slots = [slot_of(row.request_id) for row in self.rows]
        offsets = [row.offset for row in self.rows]
        scores = self._forward(newest, self._cache, [row.read for row in self.rows], slots, offsets=offsets)
        for row in self.rows:
            row.read += 1
        return scores

    @property
    def bytes(self) -> int:
        return size(self._cache) if self._cache is not None else 0

    @property
    def _columns(self) -> int:
        return max(row.read for row in self.rows)
