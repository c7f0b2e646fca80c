"""LoRAs that come and go while others are answered: no token of theirs changes, and nothing is half done."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from benchmarks.loras import streams_of
from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, LoraRefusedError, ModelNotServedError
from glados_bots.inference.engine import ServedLora
from glados_bots.inference.transformers_engine.lora import apply_lora
from glados_bots.inference.transformers_engine.multi_lora import MOST_ADDED, MultiLora, Pair, Room
from glados_bots.wire.events import Delta
from tests.inference.loras.changing import LONG, Served, come_and_go, load, serve, streams
from tests.inference.tiny import GREEDY, answer, card, dense_only, started, write_base, write_lora
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.asyncio(loop_scope="module")]
STORY = "The cat sat on the mat. " * 12
WEIGHTS = "adapter_model.safetensors"


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["paged", "dense"])
async def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "dense":
            dense_only(patch)
        served = await serve(tmp_path_factory.mktemp(request.param))
    yield served
    await served.engine.stop()


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def as_before(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    yield
    if "served" in request.fixturenames:
        engine = request.getfixturevalue("served").engine
        for name in set(engine.loras) - {"one"}:
            await engine.unload_lora(name)


def merged(served: Served, name: str, question: str) -> str:
    """What transformers' own `generate` says with the LoRA merged by peft."""
    model: Any = apply_lora(AutoModelForCausalLM.from_pretrained(served.base).eval(), served.root / name)
    prompt = torch.tensor([served.engine.encoder.encode([Message("user", question)])])
    tokens = model.generate(prompt, max_new_tokens=16, do_sample=False, pad_token_id=0)[0, prompt.shape[1] :]
    return str(served.engine.encoder.tokenizer.decode([t for t in tokens if t != 2], skip_special_tokens=True))


async def test_a_loaded_lora_answers_as_merged_and_an_unloaded_one_is_unknown(served: Served) -> None:
    engine = served.engine
    await engine.load_lora("two", "two")
    assert list(engine.models) == ["tiny", "one", "two"]
    assert engine.loras == {"one": ServedLora("one", "tiny"), "two": ServedLora("two", "tiny")}
    for name in ("one", "two"):
        text = (await answer(engine, "Hello there", model=name))[0]
        assert text == merged(served, name, "Hello there").rstrip("\ufffd")
    await engine.unload_lora("two")
    assert list(engine.models) == ["tiny", "one"]
    with pytest.raises(ModelNotServedError, match="'two' is not served here any more"):
        await answer(engine, "Hello there", model="two")


async def test_streams_say_the_same_while_loras_come_and_go(served: Served) -> None:
    engine = served.engine
    alone = await streams(engine)
    assert len(set(alone)) == len(alone)
    changing = asyncio.create_task(come_and_go(engine, ["two", "three"] * 5, ask=True))
    while not changing.done():
        assert await streams(engine) == alone
    said = await changing
    assert said == [said[0], said[1]] * 5
    assert said[0] != said[1]


async def test_in_bfloat16_no_token_changes_either(tmp_path: Path) -> None:
    """The streams begin in the same step and the same order: else the batch alone would change how sums round."""
    engine = (await serve(tmp_path, "bfloat16")).engine
    models = ["tiny", "tiny", "tiny", "one"]
    try:
        alone, _ = await streams_of(engine, 16, 16, models)
        changing = asyncio.create_task(come_and_go(engine, ["two", "three"] * 3, ask=False))
        while not changing.done():
            assert (await streams_of(engine, 16, 16, models))[0] == alone
        await changing
    finally:
        await engine.stop()


async def test_a_slot_that_is_used_again_never_finds_pages_of_the_lora_before(served: Served) -> None:
    engine = served.engine
    seen = []
    for folder in ("two", "three", "two"):
        await engine.load_lora("x", folder)
        first, again = [(await answer(engine, STORY, model="x")) for _ in range(2)]
        assert (first[1].cached_tokens, first[0]) == (0, again[0])
        assert again[1].cached_tokens >= 32
        seen.append(first[0])
        await engine.unload_lora("x")
    assert seen[0] == seen[2] != seen[1]


async def test_an_unloaded_lora_ends_its_answers_and_only_then_gives_up_its_place(served: Served) -> None:
    engine = served.engine
    await engine.load_lora("two", "two")
    whole = (await answer(engine, "Tell me", LONG, "two"))[0]
    said: list[str] = []
    async with aclosing(engine.generate("two", [Message("user", "Tell me")], LONG)) as events:
        async for event in events:
            if isinstance(event, Delta) and not said:
                await engine.unload_lora("two")
                await engine.load_lora("two", "three")
                with pytest.raises(LoraRefusedError, match="until answers of unloaded ones have ended") as busy:
                    await engine.load_lora("two", "one", in_place=True)
                assert busy.value.code == "loras_full"
                assert busy.value.retry_after
            said += [event.text] if isinstance(event, Delta) else []
    assert "".join(said) == whole
    await engine.load_lora("two", "one", in_place=True)
    assert (await answer(engine, "Hello", model="two"))[0] == (await answer(engine, "Hello", model="one"))[0]


async def test_a_reader_who_leaves_gives_up_the_place_of_an_unloaded_lora(served: Served) -> None:
    engine = served.engine
    free = len(engine.shelf._free)
    for _ in range(4):
        await load(engine, "two")
        async with aclosing(engine.generate("two", [Message("user", "Tell me")], LONG)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    await engine.unload_lora("two")
                    break
    await until(lambda: len(engine.shelf._free) == free)


async def test_a_name_is_loaded_once_however_many_ask_and_an_unload_waits_for_the_load(served: Served) -> None:
    engine = served.engine
    asked = [engine.load_lora("two", "two") for _ in range(3)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(result) for result in results].count("None") == 1
    refused = [result for result in results if result is not None]
    assert all("has already been loaded" in str(result) for result in refused), refused
    await asyncio.gather(engine.unload_lora("two"), engine.load_lora("two", "three"), engine.unload_lora("two"))
    assert "two" not in engine.models
    with pytest.raises(LoraRefusedError, match="cannot be found") as missing:
        await engine.unload_lora("two")
    assert missing.value.code == "lora_not_found"


async def test_there_is_never_more_than_the_setting_allows(served: Served) -> None:
    engine = served.engine
    results = await asyncio.gather(
        *(engine.load_lora(name, "two") for name in ("two", "three", "four")), return_exceptions=True
    )
    assert [type(result) for result in results].count(type(None)) == 1
    with pytest.raises(LoraRefusedError, match="2 LoRAs are loaded, as many as GLADOS_MAX_LORAS allows") as full:
        await engine.load_lora("five", "two")
    assert full.value.code == "loras_full"


def change_config(folder: Path, **fields: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def change_weights(folder: Path, value: float) -> None:
    tensors = load_file(folder / WEIGHTS)
    name = min(tensors)
    tensors[name][0, 0] = value
    save_file(tensors, folder / WEIGHTS)


def pickle_weights(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "adapter_model.bin")


HOSTILE: list[tuple[Any, str]] = [
    (lambda lora: change_config(lora, r=16), "rank 16 is greater than GLADOS_MAX_LORA_RANK=8; raise"),
    (lambda lora: change_config(lora, rank_pattern={"q_proj": 9}), "rank 9 is greater"),
    (lambda lora: change_config(lora, r=10**9), "r must be a whole number from 1 to 1024"),
    (lambda lora: change_config(lora, use_dora=True), "only plain LoRAs"),
    (lambda lora: change_config(lora, auto_map={"x": "y"}), "never uses auto_map"),
    (lambda lora: change_weights(lora, float("nan")), "or no numbers"),
    (lambda lora: change_weights(lora, float("inf")), "weights beyond 10000"),
    (lambda lora: change_weights(lora, 1e30), "weights beyond 10000"),
    (lambda lora: (lora / WEIGHTS).write_bytes(b"x" * 100), "truncated or damaged"),
    (lambda lora: (lora / WEIGHTS).open("ab").truncate(2**26), "larger than any LoRA of this base"),
    (pickle_weights, "pickled, which GLaDOS refuses"),
    (lambda lora: (lora / "more").symlink_to("/etc"), "leads out of its folder"),
    (lambda lora: (lora / "adapter_config.json").write_text("[" * 100_000), "cannot read this file"),
]


@pytest.mark.parametrize(("spoil", "said"), HOSTILE)
async def test_a_hostile_lora_is_refused_by_name_and_nothing_is_half_done(
    served: Served, spoil: Any, said: str
) -> None:
    engine = served.engine
    folder = served.root / "hostile"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(served.root / "two", folder)
    spoil(folder)
    before = engine.models, list(engine.shelf._free)
    with pytest.raises(LoraRefusedError, match=said):
        await engine.load_lora("hostile", "hostile")
    assert (engine.models, list(engine.shelf._free)) == before
    await engine.load_lora("two", "two")  # and it goes on


async def test_a_lora_of_another_base_is_refused(served: Served, tmp_path: Path) -> None:
    other = write_base("llama", tmp_path / "other", hidden_size=128)
    write_lora("llama", other, served.root / "foreign", seed=9)
    with pytest.raises(LoraRefusedError, match="does not fit the base model"):
        await served.engine.load_lora("foreign", "foreign")


# --- the arithmetic ------------------------------------------------------------------------------------------------


def pair(seed: int, width: float = 1.0) -> Pair:
    generator = torch.Generator().manual_seed(seed)
    return Pair(torch.randn(4, 64, generator=generator) * width, torch.randn(96, 4, generator=generator) * width)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_written_to_one_slot_changes_no_bit_of_the_others(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model: Any = torch.nn.Sequential(torch.nn.Linear(64, 96)).to(dtype)
    model.dtype, model.device = dtype, torch.device("cpu")
    loras = MultiLora(model, {"one": {"0": pair(1)}}, Room(3, 8, {"0": (64, 96)}))
    x = torch.randn(16, 64).to(dtype)
    rows = torch.tensor([0, 0, 1, 1] * 4)

    def outputs() -> torch.Tensor:
        loras.assign(rows.tolist(), "cpu")
        with torch.inference_mode():
            return model[0](x)

    before = outputs()
    assert torch.equal(before[rows == 0], torch.nn.functional.linear(x, *model[0].parameters())[rows == 0])
    for seed, width in ((2, 1.0), (3, 1e4), (4, 1e-30)):
        loras.write(2, loras.ready({"0": pair(seed, width)}))
        assert torch.equal(outputs(), before)
    loras.write(2, {})
    assert torch.equal(outputs(), before)
    rows = rows + 1
    loras.write(2, loras.ready({"0": pair(5, 1e4)}))
    assert bool(outputs().isfinite().all())  # a LoRA with huge weights spoils no sums, not even its own
    assert float(outputs().abs().max()) <= 2 * MOST_ADDED


def test_a_layer_that_is_not_there_is_named() -> None:
    model: Any = torch.nn.Sequential(torch.nn.Linear(64, 96))
    model.dtype, model.device = torch.float32, torch.device("cpu")
    loras = MultiLora(model, {}, Room(1, 8, {"0": (64, 96)}))
    with pytest.raises(ConfigError, match="1: while the service runs"):
        loras.ready({"1": pair(1)})


# --- what it means for the card ------------------------------------------------------------------------------------


async def test_the_cards_own_lora_stays_and_others_come_beside_it(tmp_path: Path) -> None:
    base = write_base("llama", tmp_path / "base")
    own, more = (write_lora("llama", base, tmp_path / "loras" / name, seed) for seed, name in enumerate("ab"))
    with_own = card(base, lora=own)
    options = {"max_loras": 3, "loras_dir": tmp_path / "loras", "dtype": "float32", "quantize": "none"}
    engine = await started(with_own, loras={"start": more}, **options)
    try:
        assert list(engine.models) == ["tiny", "start", "base"]
        await engine.load_lora("late", "b")
        texts = [(await answer(engine, "Hello", GREEDY, name))[0] for name in engine.models]
        assert list(engine.models) == ["tiny", "start", "base", "late"]
        assert texts[1] == texts[3]
        assert len(set(texts)) == 3
        assert engine.loras["late"].parent == "base"
        for name in ("tiny", "base"):
            with pytest.raises(LoraRefusedError, match="name of a served base model"):
                await engine.unload_lora(name)
        await engine.unload_lora("start")
        assert list(engine.models) == ["tiny", "base", "late"]
    finally:
        await engine.stop()


async def test_more_loras_at_the_start_than_allowed_are_a_wrong_setting(tmp_path: Path) -> None:
    base = write_base("llama", tmp_path / "base")
    given = {name: write_lora("llama", base, tmp_path / name, seed) for seed, name in enumerate("ab")}
    with pytest.raises(ConfigError, match="GLADOS_MAX_LORAS=1: 2 LoRAs are served from the start"):
        await started(card(base), loras=given, max_loras=1)
