"""Which of the library's loaders makes a model from its config."""

from typing import Any

from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
)


def model_class(config: Any) -> Any:
    """The library's loader of this model: with its vision where it has some and names no class without."""
    named = str((getattr(config, "architectures", None) or ["ForCausalLM"])[0])
    causal = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
    with_vision = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING and (not causal or "ForCausalLM" not in named)
    return AutoModelForImageTextToText if with_vision else AutoModelForCausalLM
