"""From tokens to text, where the tokens make none."""

from collections.abc import Sequence
from typing import Any

from glados_bots.inference.decoding.detokenizer import WINDOW, Detokenizer


class Broken:
    """A tokenizer whose every token is a byte that no character begins with."""

    decoded = 0

    def decode(self, tokens: Sequence[int], **_: Any) -> str:
        self.decoded += len(tokens)
        return "\ufffd" * len(tokens)


def test_bytes_that_never_make_a_character_are_decoded_a_bounded_number_of_times() -> None:
    tokenizer = Broken()
    detokenizer = Detokenizer(tokenizer, [])
    count = 2_000
    text = "".join(detokenizer.feed([0]) for _ in range(count)) + detokenizer.close()
    assert tokenizer.decoded <= 5 * WINDOW * count
    assert len(text) > count - WINDOW
