"""Chooses a model: the first of the ranked list that the machine holds with a useful window, and that can be served.

An entry that fits may still have an obstacle: a library is missing, or the network. The next entry is then taken, and
the choice says what the better one needs. Settings that the operator gave win: GLADOS_QUANTIZE and GLADOS_MULTI_GPU.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from glados_bots.inference.model_files.auto import libraries, speed
from glados_bots.inference.model_files.auto.choice import Choice, Useful, size
from glados_bots.inference.model_files.auto.fitting import holds, on_cpu
from glados_bots.inference.model_files.auto.ranking import Entry, ranking
from glados_bots.inference.model_files.auto.reach import Hub, Unasked
from glados_bots.inference.model_files.cards import EMBEDDED, Card, load_cards
from glados_bots.inference.model_files.hardware import Machine, this_machine
from glados_bots.inference.model_files.presence import hub_cache, presence
from glados_bots.inference.model_files.support import support_of
from glados_bots.inference.settings import ServeSettings

WINDOW = 8_192  # tokens that each of the conversations must have; fewer for a model that cannot hold as many
CONVERSATIONS = 2  # at the same time
SLOWEST = 3.0  # tokens per second, the speed of reading: a quicker model is named instead, if there is one
SPARE_DISK = 1e9  # bytes that stay free after a download


@dataclass(frozen=True, slots=True)
class Seat:
    """An entry of the list that fits."""

    entry: Entry
    card: Card
    multi_gpu: bool = False


def choose(settings: ServeSettings, machine: Machine | None = None, hub: Hub | None = None) -> Choice:
    """Choose for this machine, or plan for another one.

    Args:
        settings: the operator's.
        machine: another machine, whose libraries, files and network are not known; None for this one.
        hub: asked whether files that are not here can be fetched; None for a plan that uses no network.
    """
    cards = load_cards()
    chosen = machine or this_machine(settings.engine)
    if not chosen.gpus:
        return _without_gpu(cards, chosen, settings)
    obstacles: list[str] = []
    for seat in _seats(cards, chosen, settings):
        obstacle = "" if machine else _obstacle(seat, hub or Unasked(settings.hub_token), settings)
        if not obstacle:
            tuned = replace(seat, card=_tuned(seat.card, cards, settings))
            return _seated(tuned, chosen, obstacles)
        obstacles.append(obstacle)
    reason = f"{EMBEDDED}, because nothing larger fits {chosen} or is available"
    return Choice(cards[EMBEDDED], reason, settings.quantize, better=_first(obstacles), remarks=chosen.remarks)


def fetch_bytes(card: Card) -> float:
    """About how many bytes come from the hub before the model is served; 0 if they are here, or unknown."""
    if card.base.hub is None or card.shape is None or presence(card, base_only=True).reason == "here":
        return 0.0
    return float(card.shape.checkpoint_bytes or 2 * card.shape.parameters)


def _seats(cards: Mapping[str, Card], machine: Machine, settings: ServeSettings) -> Iterator[Seat]:
    """The entries that the machine holds and the engine serves, the best first."""
    for entry in ranking().gpu:
        card = cards[entry.card]
        given, is_fixed = settings.quantize, bool(card.shape and card.shape.checkpoint_bytes)
        wanted = entry if given == "auto" or is_fixed else replace(entry, precision=given)
        if not _may_serve(card, wanted, settings) or not libraries.can_compute(card, machine.gpus):
            continue
        for multi_gpu in _places(machine, settings):
            if holds(
                card, wanted.precision, machine, multi_gpu=multi_gpu, window=WINDOW, conversations=CONVERSATIONS,
                dtype=settings.dtype,
            ):  # fmt: skip
                yield Seat(wanted, card, multi_gpu)
                break


def _places(machine: Machine, settings: ServeSettings) -> Sequence[bool]:
    """Whether to try the first GPU (False), all of them (True), or both in turn."""
    if settings.multi_gpu is not None:
        return (settings.multi_gpu,)
    return (False, True)[: len(machine.gpus)]


def _may_serve(card: Card, entry: Entry, settings: ServeSettings) -> bool:
    """Whether the card is one that `auto` takes, and the engine serves it."""
    if card.deprecated or not _has_lora(card, settings):
        return False
    if card.gated and not settings.hub_token and presence(card, base_only=True).reason != "here":
        return False
    if settings.engine == "vllm":
        return entry.precision == "none"
    support = support_of(card)
    return support is None or support.way is not None


def _has_lora(card: Card, settings: ServeSettings) -> bool:
    """Whether the card needs no LoRA, or has it here."""
    folder = None if settings.base_only else card.lora_folder
    return folder is None or (folder / "adapter_model.safetensors").is_file()


def _tuned(card: Card, cards: Mapping[str, Card], settings: ServeSettings) -> Card:
    """A card with a LoRA on the same base that is here, else the card itself."""
    if settings.base_only or card.lora:
        return card
    tuned = (other for other in cards.values() if other.lora and not other.deprecated and other.base == card.base)
    return next((other for other in tuned if _has_lora(other, settings)), card)


def _obstacle(seat: Seat, hub: Hub, settings: ServeSettings) -> str:
    """What keeps this machine from serving an entry that fits, with the remedy; empty if nothing does."""
    missing = "" if settings.engine == "vllm" else libraries.missing(seat.card, seat.entry.precision)
    if missing:
        return f"better: {seat.entry} fits too; to get it, run `pip install {missing}`"
    amount = fetch_bytes(seat.card)
    if not amount:
        return ""
    why = hub.why_not(seat.card) or _no_space(amount, hub_cache(seat.card))
    return f"better: {seat.entry}, about {size(amount)} to fetch, but {why}" if why else ""


def _no_space(amount: float, folder: Path) -> str:
    place = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    if amount + SPARE_DISK <= free:
        return ""
    return f"only {size(free)} are free in {place}; free some space, or set HF_HOME to a larger disk"


def _seated(seat: Seat, machine: Machine, obstacles: list[str]) -> Choice:
    name = str(replace(seat.entry, card=seat.card.name))
    reason = f"{name}, the best that fits {machine} and is available: {seat.entry.reason}"
    remarks = (*machine.remarks, *filter(None, [machine.spread if seat.multi_gpu else ""]))
    better = _first(obstacles)
    return Choice(
        seat.card, reason, seat.entry.precision, seat.multi_gpu, fetch_bytes(seat.card), better, remarks=remarks
    )


def _first(obstacles: list[str]) -> str:
    return obstacles[0] if obstacles else ""


def _without_gpu(cards: Mapping[str, Card], machine: Machine, settings: ServeSettings) -> Choice:
    reason = f"{EMBEDDED}, because this machine has no GPU that GLaDOS can use"
    useful = _useful(cards, machine, settings)
    return Choice(cards[EMBEDDED], reason, settings.quantize, useful=useful, remarks=machine.remarks)


def _useful(cards: Mapping[str, Card], machine: Machine, settings: ServeSettings) -> Useful | None:
    """The best that the machine's memory holds and its CPU computes at a bearable speed, else the quickest."""
    measured = speed.bandwidth()
    found: Useful | None = None
    for entry in ranking().cpu:
        card = cards[entry.card]
        if card.shape is None or not _may_serve(card, entry, settings) or not on_cpu(card, machine):
            continue
        tokens = speed.tokens_per_second(card, card.shape, measured) if measured else None
        found = Useful(f"glados up --model {card.name}", tokens)
        if tokens is None or tokens >= SLOWEST:
            return found
    return found
