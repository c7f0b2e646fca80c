"""The pictures of one prompt, as the dense scheduler reads them: one per forward pass, with the text around it.

So a step takes the memory of one picture, and pictures that an earlier turn has read are not read again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from glados_bots.inference.transformers_engine.vision.eyes import Eyes, Seen, grids, places


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The pictures of one prompt."""

    eyes: Eyes
    seen: Sequence[Seen]
    places: Sequence[tuple[int, int]]  # where each begins and ends in the prompt
    kinds: torch.Tensor  # 1 for a token of a picture, else 0; shape (1, prompt)
    positions: torch.Tensor | None  # Qwen-VL's, in time, height and width; shape (3, 1, prompt)
    offset: int  # what is added to the number of a token after the prompt, to get its position

    @property
    def end(self) -> int:
        """Where the last picture ends."""
        return self.places[-1][1]

    def named(self, prompt: Sequence[int]) -> list[int]:
        """The prompt with each picture's digest in place of its tokens, which are the same for all pictures."""
        names = list(prompt)
        for one, (begin, end) in zip(self.seen, self.places, strict=True):
            names[begin:end] = [one.digest] * (end - begin)
        return names

    def piece(self, read: int, most: int) -> tuple[int, int | None]:
        """(how many tokens to read next, which picture is among them). A piece holds one whole picture at most.

        Args:
            read: tokens of the prompt that are read already, with whole pictures only.
            most: tokens of the next piece, if there were no pictures.
        """
        left = [number for number, (_, end) in enumerate(self.places) if end > read]
        if not left or self.places[left[0]][0] >= read + most:
            return most, None
        end = max(self.places[left[0]][1], read + most)
        if len(left) > 1:
            end = min(end, self.places[left[1]][0])
        return end - read, left[0]

    def told(self, picture: int | None, read: int, count: int, model: Any) -> dict[str, Any]:
        """What the forward pass is told beside the tokens, for a piece of the prompt or of the answer after it.

        Args:
            picture: the one in the piece.
            read: tokens before the piece.
            count: tokens of the piece.
            model: whose device and type the tensors get.

        Raises:
            PictureRefusedError: the picture cannot be decoded.
        """
        told: dict[str, Any] = {}
        if self.positions is not None:
            told["position_ids"] = self._moved(self.positions, read, count).to(model.device)
        if picture is None:
            return told
        for name, tensor in self.eyes.tensors(self.seen[picture].picture).items():
            told[name] = tensor.to(model.device, model.dtype if tensor.is_floating_point() else None)
        if self.eyes.types:
            told[self.eyes.types] = self.kinds[:, : read + count].to(model.device)
        return told

    def _moved(self, positions: torch.Tensor, read: int, count: int) -> torch.Tensor:
        """The positions of a piece, also of tokens after the prompt; shape (3, 1, count)."""
        after = torch.arange(max(read, self.kinds.shape[1]), max(read + count, self.kinds.shape[1])) + self.offset
        return torch.cat([positions[:, :, read : read + count], after.expand(3, 1, -1)], dim=-1)


def shown_in(eyes: Eyes, seen: Sequence[Seen], prompt: Sequence[int], model: Any) -> Shown:
    """Find the pictures in a prompt. Args: model: the whole one, which knows the positions of its family."""
    found = places(seen, prompt, eyes.token)
    ids = torch.tensor([prompt])
    kinds = torch.zeros_like(ids)
    for begin, end in found:
        kinds[0, begin:end] = ids[0, begin:end] == eyes.token
    positions, offset = None, 0
    if (grid := grids(seen)) is not None:
        positions, change = model.model.get_rope_index(ids, mm_token_type_ids=kinds, image_grid_thw=grid)
        offset = int(change)
    return Shown(eyes, seen, found, kinds, positions, offset)
