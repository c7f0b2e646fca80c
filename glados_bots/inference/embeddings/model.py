"""A model that makes vectors of tokens: transformers' own class, then the steps of its recipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from glados_bots.errors import ConfigError
from glados_bots.inference.embeddings.embedder import Vectors
from glados_bots.inference.embeddings.recipe import Pooling, Recipe, recipe_of
from glados_bots.inference.model_files import transformers_bars
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import read_json

UNUSED = "pooler."  # weights of a layer after the last one, which no recipe uses and some checkpoints lack
ACTIVATIONS = {"torch.nn.modules.linear.Identity": None, "torch.nn.modules.activation.Tanh": torch.tanh}
# The size of a batch in tokens, padding included. Everybody waits for the batch that is being computed.
CPU_BATCH_TOKENS = 1_024
GPU_BATCH_TOKENS = 32_768
LONGEST_WINDOW = 1_000_000  # a tokenizer that knows no longest text names a number far above


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear layer after the pooling."""

    weight: torch.Tensor  # (outputs, inputs)
    bias: torch.Tensor | None  # (outputs,)
    activation: Any  # a function of a tensor; None: none

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        found = functional.linear(vectors, self.weight, self.bias)
        return self.activation(found) if self.activation else found


class EmbeddingModel:
    """The weights, the tokenizer and the recipe. For use in one thread at a time."""

    def __init__(self, card: Card, folder: Path, device: str, dtype: torch.dtype) -> None:
        self.recipe: Recipe = recipe_of(card, folder)
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self._device = device
        self._model = _loaded(card, folder, device, dtype)
        self._dense = [_dense(path, device, dtype) for path in self.recipe.dense]
        self.window = self._window(card)
        self.batch_tokens = CPU_BATCH_TOKENS if device == "cpu" else GPU_BATCH_TOKENS
        config = self._model.config.get_text_config()
        self.vocabulary: int = config.vocab_size  # number of token ids
        self.dimensions = int(self._dense[-1].weight.shape[0] if self._dense else config.hidden_size)

    def _window(self, card: Card) -> int:
        """Most tokens of a text: the least that card, recipe, tokenizer and config name."""
        config = self._model.config.get_text_config()
        positions = getattr(config, "max_position_embeddings", None)
        if positions and _counts_padding(config):
            positions -= config.pad_token_id + 1
        named = [card.context_length, self.recipe.window, positions, self.tokenizer.model_max_length]
        known = [int(window) for window in named if window and window <= LONGEST_WINDOW]
        if not known:
            raise ConfigError(f"{card.name}: its files name no longest text; write context_length into its card")
        return min(known)

    def vectors(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """The vectors of a batch of token ids, as float32 of (texts, dimensions)."""
        with torch.inference_mode():
            found: Vectors = self._computed(texts).cpu().numpy()
        return found

    def _computed(self, texts: Sequence[Sequence[int]]) -> torch.Tensor:
        lengths = torch.tensor([len(text) for text in texts], device=self._device)
        ids = torch.full((len(texts), int(lengths.max())), self.tokenizer.pad_token_id or 0)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = torch.tensor(text)
        mask = torch.arange(ids.shape[1], device=self._device) < lengths[:, None]
        states = self._model(input_ids=ids.to(self._device), attention_mask=mask.long()).last_hidden_state
        found = pooled(states, mask, self.recipe.pooling)
        for layer in self._dense:
            found = layer(found)
        found = found.float()
        return functional.normalize(found, dim=-1) if self.recipe.normalised else found


def pooled(states: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """One vector per text.

    Args:
        states: (texts, tokens, size); padding is at the end.
        mask: (texts, tokens); true for tokens, false for padding.
        pooling: which states become the vector.
    """
    if pooling == "cls":
        return states[:, 0]
    counts = mask.sum(dim=1)
    if pooling == "lasttoken":
        return states[torch.arange(len(states), device=states.device), counts - 1]
    # Half precision would lose digits of a sum over many tokens
    total = (states * mask[..., None]).sum(dim=1, dtype=torch.float32)
    return (total / counts[:, None]).to(states.dtype)


def _counts_padding(config: Any) -> bool:
    """Whether positions begin after the id of padding, as in RoBERTa and its children."""
    return "roberta" in config.model_type or config.model_type in {"camembert", "mpnet"}


def _loaded(card: Card, folder: Path, device: str, dtype: torch.dtype) -> Any:
    """Load transformers' model. Raises ConfigError if weights are missing or have other sizes than its config says."""
    transformers_bars.take_over()
    model, info = AutoModel.from_pretrained(
        folder,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are in `info`, and refused below
        dtype=dtype,
        device_map=None if device == "cpu" else device,
        use_safetensors=True,
    )
    wrong = [name for key in ("missing_keys", "mismatched_keys") for name in map(str, info[key]) if UNUSED not in name]
    if wrong:
        raise ConfigError(
            f"{card.name}: its weights are not those of its config ({len(wrong)} are missing or have other sizes, "
            f"such as {min(wrong)[:100]}); fetch the model again, or choose another"
        )
    model.config.get_text_config().use_cache = False  # nothing follows a text
    return model.eval()


def _dense(folder: Path, device: str, dtype: torch.dtype) -> Dense:
    """Read one linear layer. Raises ConfigError if it is missing, or if GLaDOS does not know its activation."""
    config = read_json(folder / "config.json")
    name = str(config.get("activation_function"))
    if name not in ACTIVATIONS or config.get("use_residual"):
        raise ConfigError(f"{folder}: GLaDOS computes no layer with {name[:100]} or a residual; choose another model")
    path = folder / "model.safetensors"
    if not path.is_file():
        raise ConfigError(f"{path}: this file is missing; fetch the model again")
    weights = {key: value.to(device, dtype) for key, value in load_file(path).items()}
    if weights.keys() - {"linear.bias"} != {"linear.weight"}:
        raise ConfigError(f"{path}: holds other weights than those of one linear layer; fetch the model again")
    return Dense(weights["linear.weight"], weights.get("linear.bias"), ACTIVATIONS[name])
