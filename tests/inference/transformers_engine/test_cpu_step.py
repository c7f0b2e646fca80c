"""The CPU's own step: the scores of the model itself, however the tokens are cut into steps; a way back without it."""

import copy
import ctypes
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPTNeoXConfig, LlamaConfig, MistralConfig, Qwen2Config

from glados_bots.inference.transformers_engine.cpu import build
from glados_bots.inference.transformers_engine.cpu.build import NoCompilerError, library
from glados_bots.inference.transformers_engine.cpu.packing import PackedModel, pack, why_not
from glados_bots.inference.transformers_engine.cpu.runner import PAGE, Runner
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
DATA = Path(__file__).parents[3] / "data"
SIZE: dict[str, Any] = {
    "vocab_size": 1003, "hidden_size": 192, "intermediate_size": 320, "num_hidden_layers": 3,
    "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 64, "max_position_embeddings": 512,
}  # fmt: skip
SCALED = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64, "rope_theta": 10000.0}  # fmt: skip
CONFIGS: dict[str, Any] = {
    "llama": LlamaConfig(**SIZE),
    "tied and stretched": LlamaConfig(**SIZE, tie_word_embeddings=True, rope_parameters=SCALED),
    "mistral": MistralConfig(**SIZE, sliding_window=None),
    "qwen2": Qwen2Config(**SIZE),  # biases
    "wide heads": LlamaConfig(**SIZE | {"head_dim": 128, "num_attention_heads": 3, "num_key_value_heads": 3}),
}


class State:
    """What the runner looks at of the library's request."""

    def __init__(self, name: str, tokens: list[int]) -> None:
        self.request_id = name
        self.tokens_to_process = tokens
        self.position_offset = 0


class Request:
    def __init__(self, state: State, *, has_new_token: bool = True) -> None:
        self.state = state
        self.has_new_token = has_new_token
        self.query_length = len(state.tokens_to_process)


class Pages:
    """Twelve pages for each of two requests, not in order."""

    def __init__(self, config: Any) -> None:
        heads = 2 * config.num_key_value_heads * config.head_dim
        self.bytes_per_block = config.num_hidden_layers * PAGE * heads * 2
        self.cache_tensor = torch.zeros(24 * self.bytes_per_block, dtype=torch.uint8)
        self.block_table = {"a": list(range(23, 11, -1)), "b": list(range(12))}
        self.cache_allocators = {"full_attention": self}


def made(kind: str) -> Any:
    torch.manual_seed(3)
    model: Any = AutoModelForCausalLM.from_config(CONFIGS[kind]).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            parameter.data.add_(torch.randn_like(parameter) * 0.1)
        else:
            parameter.data.mul_(4)  # as made, every score is nearly the same
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            module.weight.data = unpacked(*pack(module.weight.data))
    return model


def unpacked(tiles: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """The weights that these numbers stand for."""
    outputs, inputs = tiles.shape[0] * 16, tiles.shape[1] * 4
    numbers = tiles.transpose(1, 2).reshape(outputs, inputs).float() - 128
    return numbers * scales.transpose(1, 2).reshape(outputs, inputs // 32).float().repeat_interleave(32, dim=1)


class Keeping(Sampler):
    """Keeps all scores. Args: scored: the request whose prompt is scored."""

    def __init__(self, scored: str = "") -> None:
        super().__init__(lambda *_: None)
        self.scored = scored
        self.scores = torch.empty(0)  # from which tokens were chosen
        self.pieces: list[tuple[int, torch.Tensor]] = []  # of the scored prompt, with the place of the first token

    def choose_all(self, states: Any, scores: torch.Tensor) -> list[int]:
        self.scores = scores.clone()
        return [0] * len(states)

    def scores_prompt(self, request_id: str) -> bool:
        return request_id == self.scored

    def keep_scores(self, request_id: str, start: int, scores: torch.Tensor) -> None:
        assert request_id == self.scored
        self.pieces.append((start, scores.clone()))


class Steps:
    """A runner whose sampler keeps all scores."""

    def __init__(self, model: Any, scored: str = "") -> None:
        self.sampler = Keeping(scored)
        packed = PackedModel(model, 512)
        step = library(DATA).glados_step
        self.runner = Runner(step, packed, Pages(model.config), model.config.vocab_size, self.sampler)

    def run(self, *requests: Request) -> torch.Tensor:
        self.runner.prepare_batch_tensors(requests)
        self.runner.run(None)
        return self.sampler.scores


@pytest.mark.parametrize("kind", list(CONFIGS))
def test_the_scores_are_the_models_own(kind: str) -> None:
    model = made(kind)
    prompts = [torch.randint(0, 1003, (1, count)) for count in (77, 5)]
    with torch.no_grad():
        expected = torch.cat([model(prompt).logits[:, -1] for prompt in prompts])
        rounded = copy.deepcopy(model).to(torch.bfloat16)
        in_bfloat16 = torch.cat([rounded(prompt).logits[:, -1] for prompt in prompts])
        steps = Steps(model)
    requests = [Request(State(name, p[0].tolist())) for name, p in zip("ab", prompts, strict=True)]
    scores = steps.run(*requests)
    assert scores.shape == (2, 1003)
    error, allowed = ((some - expected).norm(dim=-1) for some in (scores, in_bfloat16))
    assert (error < allowed).all()  # nearer to exact weights than transformers' own modules in bfloat16
    assert scores.argmax(-1).tolist() == expected.argmax(-1).tolist()


def test_gates_far_below_zero_let_nothing_through() -> None:
    model = made("llama")
    for layer in model.model.layers:
        layer.mlp.gate_proj.weight.data.mul_(30)  # down to -115, where e^-x leaves the range of a float
    prompt = torch.randint(0, 1003, (1, 77))
    with torch.no_grad():
        expected = model(prompt).logits[:, -1]
        scores = Steps(model).run(Request(State("a", prompt[0].tolist())))
    assert ((scores - expected).norm() / expected.norm()) < 0.05


def test_scores_do_not_depend_on_how_the_tokens_are_cut_into_steps_nor_on_who_is_there_too() -> None:
    with torch.no_grad():
        steps = Steps(made("llama"))
    tokens = torch.randint(0, 1003, (90,)).tolist()
    whole = steps.run(Request(State("a", tokens)))
    state, other = State("a", []), State("b", [])
    for first, last in ((0, 40), (40, 41), (41, 64), (64, 90)):
        state.tokens_to_process, other.tokens_to_process = tokens[first:last], [7] * 3
        scores = steps.run(Request(other, has_new_token=False), Request(state, has_new_token=last == 90))
    assert torch.equal(scores, whole)
    assert (state.position_offset, other.position_offset) == (90, 12)


def test_every_token_of_a_scored_prompt_has_the_scores_that_it_has_alone() -> None:
    with torch.no_grad():
        model = made("llama")
        alone, steps = Steps(copy.deepcopy(model)), Steps(model, scored="a")
    tokens = torch.randint(0, 1003, (40,)).tolist()
    state, other = State("a", []), State("b", [])
    single, wanted = State("a", []), []
    for token in tokens:
        single.tokens_to_process = [token]
        wanted.append(alone.run(Request(single)))
    for first, last in ((0, 17), (17, 18), (18, 40)):
        state.tokens_to_process, other.tokens_to_process = tokens[first:last], [7]
        chosen_from = steps.run(Request(state, has_new_token=last == 40), Request(other))
        assert len(chosen_from) == 1 + (last == 40)
    assert [start for start, _ in steps.sampler.pieces] == [0, 17, 18]
    assert torch.equal(torch.cat([scores for _, scores in steps.sampler.pieces]), torch.cat(wanted))
    assert torch.equal(chosen_from[0], wanted[-1][0])


def test_packing_loses_at_most_half_a_step_of_each_group() -> None:
    rows = torch.randn(32, 64)
    tiles, scales = pack(rows)
    steps = scales.transpose(1, 2).reshape(32, 2).float().repeat_interleave(32, dim=1)
    assert ((unpacked(tiles, scales) - rows).abs() <= steps * 0.76).all()  # 0.5, and what rounding the scale cuts off


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (GPTNeoXConfig(hidden_size=64, num_hidden_layers=1, num_attention_heads=1, vocab_size=99), "class"),
        (LlamaConfig(**SIZE | {"head_dim": 16}), "heads of 16"),
        (LlamaConfig(**SIZE | {"hidden_act": "gelu"}), "MLP"),
        (LlamaConfig(**SIZE | {"intermediate_size": 100}), "multiples"),
        (MistralConfig(**SIZE | {"sliding_window": 64}), "sliding"),
    ],
)
def test_what_it_does_not_know_is_left_to_the_library(config: Any, reason: str) -> None:
    with torch.device("meta"):
        assert reason in str(why_not(AutoModelForCausalLM.from_config(config)))


def test_without_a_compiler_a_sentence_says_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoCompilerError, match="install g"):
        library(tmp_path)


@pytest.mark.slow
def test_a_start_that_was_killed_while_compiling_holds_up_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "cpu" / build._made_of()
    folder.mkdir(parents=True)
    (folder / "lock").touch()  # torch would wait for it for ever
    assert isinstance(library(tmp_path), ctypes.CDLL)
    assert (folder / "glados_step.so").is_file()


def test_it_is_compiled_once(caplog: pytest.LogCaptureFixture) -> None:
    library(DATA)
    with caplog.at_level(logging.INFO, logger=build.__name__):
        assert isinstance(library(DATA), ctypes.CDLL)
    assert not caplog.records
