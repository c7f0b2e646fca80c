"""What `auto` has chosen, and how an operator reads it."""

from collections.abc import Iterator
from dataclasses import dataclass

from glados_bots.inference.model_files.cards import Card


@dataclass(frozen=True, slots=True)
class Useful:
    """What a machine without a GPU could serve instead of the small model."""

    command: str  # what the operator types
    speed: float | None  # about how many tokens of one answer per second; None if not measured

    def __str__(self) -> str:
        speed = f", with about {shown_speed(self.speed)} tokens per second" if self.speed else ""
        return f"this small model is for trying GLaDOS; `{self.command}` starts a useful one on this machine{speed}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A model, and how to serve it."""

    card: Card
    reason: str  # which one and why, as one phrase
    quantize: str = "auto"  # as GLADOS_QUANTIZE
    multi_gpu: bool = False  # the model needs all GPUs
    fetch: float = 0.0  # about how many bytes will be fetched
    better: str = ""  # what would be chosen instead, and what it takes
    useful: Useful | None = None  # only if the small model was chosen for want of a GPU
    remarks: tuple[str, ...] = ()  # about this machine

    def lines(self) -> Iterator[str]:
        """All of it, a line for each thing."""
        yield f"model: {self.reason}"
        if self.fetch:
            yield f"about {size(self.fetch)} will be fetched from the hub first"
        if self.better:
            yield self.better
        if self.useful:
            yield str(self.useful)
        yield from self.remarks


def size(count: float) -> str:
    """Bytes in GB or MB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"  # noqa: PLR2004 - a GB


def shown_speed(tokens: float) -> str:
    """A speed without false precision: it is an estimate."""
    return f"{tokens:.0f}" if tokens >= 2 else f"{tokens:.1f}"  # noqa: PLR2004 - 1.4 and 1 are not alike
