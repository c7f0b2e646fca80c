"""`glados models plan`: the memory that a model needs, on this machine or on one with other GPUs."""

from typing import Any

import typer

from glados_bots.cli import terminal
from glados_bots.inference.model_files import choosing, shapes, support
from glados_bots.inference.model_files.auto.choose import choose
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hardware import Machine, machine_of, this_machine
from glados_bots.inference.settings import ServeSettings


def show(name: str, gpu: str, settings: ServeSettings) -> None:
    """Print the plan.

    Args:
        name: a model as `--model` takes it. `auto` chooses, and plans from the card: nothing asks the hub.
        gpu: the GPUs of another machine, see `machine_of`; empty for this machine.
        settings: the operator's.

    Raises:
        ConfigError: there is no such model, `gpu` is no size, or nobody has the model's figures.
    """
    from glados_bots.inference.model_files.before_loading import plan as planning

    other = machine_of(gpu) if gpu else None
    if name == choosing.AUTO:
        choice = choose(settings, other)
        for line in choice.lines():
            terminal.echo(line)
        planned = planning.from_card(choice.card, settings.context_length, here=other is None)
    else:
        card, _ = choosing.resolve(name)
        if card.embedding:
            show_embedding(card)
            return
        planned = planning.plan(card, settings.hub_token, settings.context_length, here=other is None)
    _show_plan(planned, settings, other or this_machine(settings.engine))


def show_embedding(card: Card) -> None:
    """An embedding model keeps nothing per conversation, so its weights are all that counts."""
    weights = card.shape.parameters if card.shape else 0
    told = (
        f"{_size(4 * weights)} on a CPU (float32), {_size(2 * weights)} on a GPU (bfloat16)" if weights else "unknown"
    )
    terminal.echo(f"{card.name}: an embedding model beside the chat model; its weights need {told}")


def _show_plan(planned: Any, settings: ServeSettings, machine: Machine) -> None:
    name, found, shape = planned.card.name, planned.support, planned.shape
    if found and settings.engine == "transformers" and found.way is None:
        terminal.echo(support.cannot_be_served(planned.card, found.reason, found.remedy))
    if shape is None:
        return
    terminal.echo(f"{name}: {shape.parameters / 1e9:.2f} billion weights, by {planned.source}")
    if shape.active_parameters:
        terminal.echo(f"each token needs {shape.active_parameters / 1e9:.2f} billion of them (a mixture of experts)")
    conversation = _size(shape.cache_bytes(planned.window))
    terminal.echo(f"window: {planned.window} tokens are served, if the memory allows it; they take {conversation}")
    if planned.own:
        size = planned.note or "the size of its files is the size in memory"
        terminal.echo(f"the checkpoint is {planned.own}-quantised already; {size}")
    needs = [shapes.in_dtype(need, settings.dtype) for need in planned.needs()]
    if needs:
        _show_needs(planned, needs, machine)
    else:
        terminal.echo("nobody can say how large its files are; fetch its index, model.safetensors.index.json")


def _show_needs(planned: Any, needs: list[Any], machine: Machine) -> None:
    """A table with a row per precision, and columns for the GPUs; without a GPU, a line about main memory."""
    places = _places(machine)
    titles = ["Precision", "Weights", "Cache", "Overhead", "At least", *places]
    rows = []
    for need in needs:
        figures = [need.weights, need.conversation, need.overhead, need.least]
        memories = [machine.memory_for(need.weights, multi_gpu=several) for several in places.values()]
        rows.append((need.precision, *map(_size, figures), *(_fit(planned, need, memory) for memory in memories)))
    terminal.show_table(titles, rows)
    if not places:
        _show_main_memory(planned, needs, machine.memory)


def _places(machine: Machine) -> dict[str, bool]:
    """Whether a model is on all GPUs, by the title of the column. Without that, a model is on the first one."""
    first = {f"GPU 0, {gpu.size}": False for gpu in machine.gpus[:1]}
    return first | ({f"all {len(machine.gpus)}, --multi-gpu": True} if len(machine.gpus) > 1 else {})


def _show_main_memory(planned: Any, needs: list[Any], memory: float) -> None:
    held = shapes.tokens_in(planned.shape, planned.window, shapes.cache_on_cpu(memory))
    fits = min(need.least for need in needs) <= memory
    word = f"fits (with a window of {held} tokens)" if fits else "does not fit"
    typer.echo(
        f"no GPU here; the smallest precision {word} this machine's {memory / 1e9:.0f} GB of memory; "
        "answers will be slow"
    )


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"  # noqa: PLR2004 - a GB


def _fit(planned: Any, need: Any, memory: float) -> str:
    """Whether the model fits a GPU of this memory: whole conversations, or one with a smaller window."""
    count = need.conversations(memory)
    if count:
        return f"yes, {count} at once" if count > 1 else "yes, one"
    window = shapes.tokens_in(planned.shape, planned.window, need.cache(memory))
    enough = window >= min(shapes.SHORTEST_WINDOW, planned.window)
    return f"yes, window {window}" if enough else "no"
