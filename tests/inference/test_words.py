"""Words a model must never say, and strings that end its answer: however they are spelt with tokens."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from glados_bots.inference.model_files.choosing import resolve
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.wire.events import Sampling
from tests.inference.tiny import answer, card, manager_of, started, write_base
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
GLADOS = resolve("glados_redpajama7b_base")[0]


class Wish:
    """Stands after the model: makes the tokens of a text the most likely ones, over and over."""

    def __init__(self, engine: TransformersEngine) -> None:
        self.tokens: list[int] = []
        self.step = 0
        self._engine = engine
        engine._model.register_forward_hook(self._after)

    async def for_(self, tokens: list[int]) -> None:
        """Wish for these, once nothing runs any more that was cancelled."""
        await until(lambda: not manager_of(self._engine).batch_processor.scheduler.active_requests)
        self.tokens, self.step = tokens, 0

    def _after(self, model: Any, args: Any, output: Any) -> None:
        del model, args
        output.logits[..., self.tokens[self.step % len(self.tokens)]] += 1000
        self.step += 1


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[TransformersEngine]:
    served = card(write_base("neox", tmp_path), bad_words=GLADOS.bad_words, stop=GLADOS.stop)
    engine = await started(served, quantize="none")
    yield engine
    await engine.stop()


def spellings(tokenizer: Any, text: str) -> Iterator[list[int]]:
    """The text in one token a piece: as it comes, by letters, and cut in two at each place."""
    yield tokenizer(text)["input_ids"]
    yield [token for letter in text for token in tokenizer(letter)["input_ids"]]
    for cut in range(1, len(text)):
        yield [*tokenizer(text[:cut])["input_ids"], *tokenizer(text[cut:])["input_ids"]]


@pytest.mark.parametrize("word", ["OpenAI", "OpenAI's", "GLaDOS :"])
async def test_a_forbidden_word_is_never_said_however_it_is_spelt(engine: TransformersEngine, word: str) -> None:
    wish = Wish(engine)
    said = set()
    for tokens in spellings(engine.encoder.tokenizer, word):
        for before in ("", " I am "):
            await wish.for_([*engine.encoder.tokenizer(before)["input_ids"], *tokens])
            text, _ = await answer(engine, "Who made you?", Sampling(max_tokens=2 * len(wish.tokens), temperature=0.0))
            assert not [bad for bad in GLADOS.bad_words if bad in text], (word, tokens)
            said.add(text)
    assert any(word[:3] in text for text in said)  # the wish is heard up to there


@pytest.mark.parametrize("stop", ["User :\n", "User:"])
async def test_a_stop_string_ends_the_answer_however_it_is_spelt(engine: TransformersEngine, stop: str) -> None:
    wish = Wish(engine)
    for tokens in spellings(engine.encoder.tokenizer, stop):
        await wish.for_([*engine.encoder.tokenizer("Yes.\n")["input_ids"], *tokens])
        text, finished = await answer(engine, "Well?", Sampling(max_tokens=40, temperature=0.0))
        assert (text, finished.reason) == ("Yes.\n", "stop")
