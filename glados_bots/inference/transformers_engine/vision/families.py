"""The families of models that see here: how each turns a picture into tensors, and what stands for it in a prompt.

transformers has a processor class per family. Most want torchvision, for videos. These are their parts for pictures,
which need Pillow only. The class comes from this table, never from the model's files, and so do the names of the values
that are read from those files.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from glados_bots.inference.pictures.bounds import MOST_TOKENS

LOOKS = ("image_mean", "image_std", "rescale_factor", "resample", "do_normalize", "do_rescale", "do_resize")
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """One family.

    Args:
        processor: the library's image processor with Pillow, as `module:class` below `transformers.models`.
        values: (model's config, values of its files) -> the processor's values, with bounded sizes. Raises ValueError
            if the files do not fit the model.
        placeholder: (config, tokenizer) -> the text that the chat template writes for a picture.
        shown: (config, tokenizer, the processor's output for one picture) -> the text that replaces it.
        types: the forward pass's name for the kind of each token, if the attention depends on it.
    """

    processor: str
    values: Callable[[Any, Mapping[str, Any]], Values]
    placeholder: Callable[[Any, Any], str]
    shown: Callable[[Any, Any, Mapping[str, Any]], str]
    types: str = ""

    def made(self, config: Any, files: Mapping[str, Any]) -> Any:
        """The image processor. Raises ValueError."""
        module, _, name = self.processor.partition(":")
        kind = getattr(importlib.import_module(f"transformers.models.{module}"), name)
        looks = {key: files[key] for key in LOOKS if files.get(key) is not None}
        return kind(**looks, **self.values(config, files))


# --- Qwen-VL: as many tokens as the picture has patches ---


def _qwen_values(config: Any, files: Mapping[str, Any]) -> Values:
    eyes = config.vision_config
    sides = {"patch_size": eyes.patch_size, "merge_size": eyes.spatial_merge_size}
    sides["temporal_patch_size"] = eyes.temporal_patch_size
    _require(files, sides)
    most = MOST_TOKENS * (eyes.patch_size * eyes.spatial_merge_size) ** 2
    size = files.get("size") or {}
    largest = min(most, int(files.get("max_pixels") or size.get("longest_edge") or most))
    least = min(largest, int(files.get("min_pixels") or size.get("shortest_edge") or 1))
    return {**sides, "size": {"longest_edge": largest, "shortest_edge": least}}


def _qwen_shown(config: Any, tokenizer: Any, output: Mapping[str, Any]) -> str:
    count: int = int(output["image_grid_thw"][0].prod()) // config.vision_config.spatial_merge_size**2
    return _token(tokenizer, config.image_token_id) * count


# --- Gemma: a fixed number of tokens, or at most a fixed number ---


def _gemma3_values(config: Any, files: Mapping[str, Any]) -> Values:
    del files  # nothing in them may differ
    side = config.vision_config.image_size
    return {"size": {"height": side, "width": side}, "do_pan_and_scan": False}


def _gemma3_shown(config: Any, tokenizer: Any, output: Mapping[str, Any]) -> str:
    del output
    begin, end = (_token(tokenizer, token) for token in (config.boi_token_index, config.eoi_token_index))
    return f"\n\n{begin}{_token(tokenizer, config.image_token_id) * config.mm_tokens_per_image}{end}\n\n"


def _gemma4_values(config: Any, files: Mapping[str, Any]) -> Values:
    sides = {"patch_size": config.vision_config.patch_size}
    sides["pooling_kernel_size"] = config.vision_config.pooling_kernel_size
    _require(files, sides)
    return {**sides, "max_soft_tokens": min(MOST_TOKENS, int(files.get("max_soft_tokens") or 280))}


def _gemma4_shown(config: Any, tokenizer: Any, output: Mapping[str, Any]) -> str:
    begin, end = (_token(tokenizer, token) for token in (config.boi_token_id, config.eoi_token_id))
    count = int(output["num_soft_tokens_per_image"][0])
    return f"{begin}{_token(tokenizer, config.image_token_id) * count}{end}"


# --- Mistral 3 (Pixtral): a token per patch, and one at the end of each line of patches ---


def _pixtral_values(config: Any, files: Mapping[str, Any]) -> Values:
    side = config.vision_config.patch_size * config.spatial_merge_size
    most = int(MOST_TOKENS**0.5) * side
    wanted = int((files.get("size") or {}).get("longest_edge") or config.vision_config.image_size)
    return {"patch_size": {"height": side, "width": side}, "size": {"longest_edge": min(most, wanted)}}


def _pixtral_shown(config: Any, tokenizer: Any, output: Mapping[str, Any]) -> str:
    side = config.vision_config.patch_size * config.spatial_merge_size
    rows, columns = (int(length) // side for length in output["image_sizes"][0])
    line = _token(tokenizer, config.image_token_id) * columns + "[IMG_BREAK]"
    lines: str = line * rows
    return lines.removesuffix("[IMG_BREAK]") + "[IMG_END]"


def _token(tokenizer: Any, token: int) -> str:
    """The text of a token. Raises ValueError if the tokenizer lacks it."""
    text = tokenizer.convert_ids_to_tokens(token)
    if not text or tokenizer.convert_tokens_to_ids(text) != token:
        raise ValueError(f"the tokenizer lacks the token {token}, which stands for pictures")
    return str(text)


def _require(files: Mapping[str, Any], sides: Mapping[str, int]) -> None:
    for name, value in sides.items():
        if files.get(name, value) != value:
            raise ValueError(f"its files say {name}={str(files[name])[:20]}, and its config says {value}")


def _image_token(config: Any, tokenizer: Any) -> str:
    return _token(tokenizer, config.image_token_id)


QWEN = Family(
    "qwen2_vl.image_processing_pil_qwen2_vl:Qwen2VLImageProcessorPil", _qwen_values, _image_token, _qwen_shown
)
GEMMA3 = Family(
    "gemma3.image_processing_pil_gemma3:Gemma3ImageProcessorPil",
    _gemma3_values,
    lambda config, tokenizer: _token(tokenizer, config.boi_token_index),
    _gemma3_shown,
    "token_type_ids",
)
GEMMA4 = Family(
    "gemma4.image_processing_pil_gemma4:Gemma4ImageProcessorPil",
    _gemma4_values,
    _image_token,
    _gemma4_shown,
    "mm_token_type_ids",
)
PIXTRAL = Family(
    "pixtral.image_processing_pil_pixtral:PixtralImageProcessorPil", _pixtral_values, _image_token, _pixtral_shown
)
FAMILIES = {
    **dict.fromkeys(("qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"), QWEN),
    "gemma3": GEMMA3,
    "gemma4": GEMMA4,
    "mistral3": PIXTRAL,
}
