"""Cuts many texts into batches of similar length, so that little is computed for padding."""

from collections.abc import Iterator, Sequence


def batches(lengths: Sequence[int], most_tokens: int) -> Iterator[list[int]]:
    """Indices of the texts, the longest first. A batch, padded to its longest text, has at most `most_tokens` tokens.

    A text that is longer than that is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    while order:
        count = max(1, most_tokens // max(1, lengths[order[0]]))
        yield order[:count]
        del order[:count]
