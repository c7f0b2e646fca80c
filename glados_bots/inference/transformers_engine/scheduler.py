"""The interface between the engine and what computes the tokens: the paged scheduler, or the dense one."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Output:
    """What one request has so far."""

    tokens: Sequence[int]  # all tokens of the answer until now
    finished: bool = False  # an end token came, or the limit is reached
    error: str | None = None  # why the request failed; nothing follows


Deliver = Callable[[Output], object]  # runs in the event loop that added the request


class Scheduler(Protocol):
    """Computes many requests at the same time, in a thread of its own.

    A request's id ends with the slot of its LoRA (`multi_lora.tag`) and holds its domain (`prefix_cache.DOMAIN`).
    """

    def start(self) -> None:
        """Start the thread. Requests may be added from now on."""

    def stop(self) -> None:
        """Fail all requests and wait for the thread to end."""

    def add(self, request_id: str, prompt: Sequence[int], limit: int, deliver: Deliver) -> None:
        """Answer a prompt with at most `limit` tokens. Call this in the event loop that runs `deliver`."""

    def remove(self, request_id: str) -> None:
        """Stop computing the request, unless it is finished, and forget it."""

    def cached(self, request_id: str) -> int:
        """Number of the prompt's tokens whose keys and values were in the cache."""

    def paused(self) -> AbstractContextManager[None]:
        """Keep the thread between two steps, while another thread changes the model. Nothing is lost."""

    @property
    def fatal(self) -> str | None:
        """Why the thread ended although nobody stopped it; None while it runs."""

    @property
    def room(self) -> float:
        """Bytes that one conversation may take, as if all numbers were bfloat16."""

    @property
    def pages(self) -> tuple[int, int]:
        """(pages of the cache in use or kept, all pages)."""
