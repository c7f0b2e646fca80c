"""LoRAs in the CPU's own step: their rows get what the merged model computes, and other rows keep every bit."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from glados_bots.inference.transformers_engine.cpu.build import library
from glados_bots.inference.transformers_engine.cpu.loras import StepLoras
from glados_bots.inference.transformers_engine.cpu.packing import PackedModel
from glados_bots.inference.transformers_engine.cpu.runner import Runner
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.transformers_engine.multi_lora import MultiLora, Pair, Room, tag
from tests.inference.loras.changing import come_and_go
from tests.inference.tiny import GREEDY, answer, card, manager_of, started, write_base, write_lora
from tests.inference.transformers_engine.test_cpu_step import DATA, Keeping, Pages, Request, State, Steps, made

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
PROMPTS = [list(range(3, 80)), [7, 8, 9, 10, 11]]
SLOTS = 3


def pairs_of(model: Any, seed: int, width: float = 0.3, rank: int = 4) -> dict[str, Pair]:
    """A LoRA on every linear layer."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            a = torch.randn(rank, module.in_features, generator=generator) * module.in_features**-0.5
            found[name] = Pair(a, torch.randn(module.out_features, rank, generator=generator) * width)
    return found


def merged(model: Any, pairs: dict[str, Pair]) -> Any:
    tuned = copy.deepcopy(model)
    for name, pair in pairs.items():
        tuned.get_submodule(name).weight.data += pair.b @ pair.a
    return tuned


class LoraSteps(Steps):
    """A runner with LoRAs, which keeps its scores."""

    def __init__(self, model: Any, scored: str = "") -> None:
        self.sampler = Keeping(scored)
        packed = PackedModel(model, 512)
        self.loras = StepLoras(model, packed.layers, packed.model.head, SLOTS)
        step, pages = library(DATA).glados_step, Pages(model.config)
        pages.block_table = {tag(name, slot): pages.block_table[name] for name in "ab" for slot in range(SLOTS + 1)}
        self.runner = Runner(step, packed, pages, model.config.vocab_size, self.sampler, loras=self.loras)

    def ask(self, *slots: int) -> torch.Tensor:
        """The scores after both prompts, each with a LoRA."""
        return self.run(*(Request(State(tag(n, s), p)) for n, s, p in zip("ab", slots, PROMPTS, strict=True)))


@pytest.mark.parametrize("kind", ["llama", "qwen2", "wide heads"])
def test_rows_with_a_lora_get_the_scores_of_the_merged_model(kind: str) -> None:
    model = made(kind)
    pairs = pairs_of(model, 1)
    with torch.no_grad():
        models = [model, merged(model, pairs)]
        inputs = [torch.tensor([prompt]) for prompt in PROMPTS]
        expected = torch.cat([models[1](inputs[0]).logits[:, -1], models[0](inputs[1]).logits[:, -1]])
        plain = model(inputs[0]).logits[:, -1]
        rounded = [copy.deepcopy(one).to(torch.bfloat16) for one in models]
        in_bfloat16 = torch.cat([rounded[1](inputs[0]).logits[:, -1], rounded[0](inputs[1]).logits[:, -1]])
        steps = LoraSteps(model)
    steps.loras.write(2, pairs)
    scores = steps.ask(2, 0)
    error, allowed = ((some - expected).norm(dim=-1) for some in (scores, in_bfloat16))
    assert (error < allowed).all()
    assert float((plain - expected[0]).norm()) > 5 * float(allowed[0])  # the LoRA does something


def test_every_token_of_a_scored_prompt_has_its_own_lora() -> None:
    with torch.no_grad():
        model = made("llama")
        loras = [pairs_of(model, seed) for seed in (1, 2)]
        alone, steps = LoraSteps(copy.deepcopy(model)), LoraSteps(model, scored=tag("a", 1))
    for slot, pairs in enumerate(loras, start=1):
        alone.loras.write(slot, pairs)
        steps.loras.write(slot, pairs)
    state, wanted = State(tag("a", 1), []), []
    for token in PROMPTS[0]:
        state.tokens_to_process = [token]
        wanted.append(alone.run(Request(state)))
    steps.ask(1, 2)
    ((start, scores),) = steps.sampler.pieces
    assert start == 0
    assert torch.equal(scores, torch.cat(wanted))


def test_what_is_written_to_one_slot_changes_no_bit_of_the_others() -> None:
    with torch.no_grad():
        model = made("llama")
        loras = [pairs_of(model, seed) for seed in (1, 2, 3)]
        steps = LoraSteps(model)
    plain = steps.ask(0, 0)
    steps.loras.write(1, loras[0])
    before = steps.ask(1, 0)
    assert torch.equal(before[1], plain[1])
    assert not torch.equal(before[0], plain[0])
    steps.loras.write(2, loras[1])
    steps.loras.write(3, {name: Pair(pair.a * 1e4, pair.b * 1e4) for name, pair in loras[2].items()})
    assert torch.equal(steps.ask(1, 0), before)
    assert torch.equal(steps.ask(0, 0), plain)
    assert bool(steps.ask(3, 3).isfinite().all())
    steps.loras.write(1, {})
    assert torch.equal(steps.ask(1, 1), plain)


def test_a_lora_of_some_layers_changes_those_alone() -> None:
    with torch.no_grad():
        model = made("llama")
        whole = pairs_of(model, 1)
        some = {name: pair for name, pair in whole.items() if name.endswith(("v_proj", "up_proj"))}
        tuned, steps = merged(model, some)(torch.tensor([PROMPTS[0]])).logits[:, -1], LoraSteps(model)
    steps.loras.write(1, some)
    assert float((steps.ask(1, 0)[0] - tuned[0]).norm() / tuned.norm()) < 0.02


def test_those_that_were_there_before_are_followed_too() -> None:
    model = made("llama")
    loras = MultiLora(model, {"one": pairs_of(model, 1)}, Room(2, 8, {}))
    seen: dict[int, Any] = {}
    loras.follow(lambda slot, pairs: seen.update({slot: dict(pairs)}))
    assert set(seen) == {1}
    name = "model.layers.0.mlp.up_proj"
    pair, given = seen[1][name], pairs_of(model, 1)[name]
    assert torch.equal(pair.b @ pair.a, given.b @ given.a) or torch.allclose(pair.b @ pair.a, given.b @ given.a)
    loras.write(2, {})
    assert seen[2] == {}


async def test_an_engine_keeps_its_step_and_its_answers_while_loras_come_and_go(tmp_path: Path) -> None:
    base = write_base("llama", tmp_path / "base", head_dim=64)
    for seed, name in enumerate(("two", "three")):
        write_lora("llama", base, tmp_path / "loras" / name, seed)
    engine: TransformersEngine = await started(card(base), max_loras=2, max_lora_rank=8, loras_dir=tmp_path / "loras")
    try:
        assert isinstance(manager_of(engine).batch_processor.inputs_and_outputs, Runner)
        before = [(await answer(engine, f"Question {number}", GREEDY))[0] for number in range(2)]
        said = await come_and_go(engine, ["two", "three"] * 2, ask=True)
        assert said[:2] == said[2:]
        assert len({*said, *before}) == 4
        assert [(await answer(engine, f"Question {number}", GREEDY))[0] for number in range(2)] == before
    finally:
        await engine.stop()
