"""Which of the library's loaders makes a model from its config."""

from typing import Any

from transformers import (
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
)


def model_class(config: Any) -> Any:
    """The loader: of image and text for a class with vision, unless the config names a class without it."""
    named = str((getattr(config, "architectures", None) or [""])[0])
    with_vision = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING and "ForCausalLM" not in named
    return AutoModelForImageTextToText if with_vision else AutoModelForCausalLM
