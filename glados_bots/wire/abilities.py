"""Which models chat, see pictures or only embed, as far as the entry of a list says it or the name shows it."""

import re
from collections.abc import Iterable
from typing import Any

# How lists mark models that cannot chat, and words in the names of such models.
OTHER_TYPES = frozenset(
    {"embedding", "embeddings", "rerank", "reranker", "image", "video", "audio", "speech", "transcribe", "moderation"}
)
OTHER_NAMES = re.compile(
    r"(?:^|[^a-z])(?:text-)?(?:embed(?:ding|dings)?|e5|bge|gte|rerank(?:er)?|whisper|tts|transcribe|moderation|dall-e|"
    r"clip|stable-diffusion|flux|colbert)(?:[^a-z]|$)",
    re.IGNORECASE,
)
LONGEST_NAME = 500  # characters of a name that are checked
CHAT_FLAGS = ("chat", "completion_chat", "supports_chat")  # ours, Mistral, Fireworks
VISION_FLAGS = ("vision", "supports_vision", "supports_image_input", "supports_image_in")  # ours, Fireworks, Moonshot
INPUTS = ("input_modalities", "supported_input_modalities")  # OpenRouter, llama.cpp, Hugging Face; GitHub
PICTURES = frozenset({"image", "images", "vision"})


def can_chat(entry: dict[str, Any]) -> bool:
    """Whether a model answers in words. A model of which nothing is said does, unless its name tells otherwise."""
    kind = str(entry.get("type") or entry.get("task") or "").lower()
    if kind in OTHER_TYPES or _flag(entry, CHAT_FLAGS) is False:
        return False
    outputs = _words(_dict(entry.get("architecture")).get("output_modalities"))
    told = _capabilities(entry)
    if (outputs and "text" not in outputs) or (told & {"embedding", "image"} and "completion" not in told):
        return False
    return bool("completion" in told or not OTHER_NAMES.search(str(entry["id"])[:LONGEST_NAME]))


def sees(entry: dict[str, Any]) -> bool | None:
    """Whether a model sees pictures; None if the entry does not tell it."""
    flag = _flag(entry, VISION_FLAGS)
    if flag is not None:
        return flag
    if inputs := _inputs(entry):
        return bool(inputs & PICTURES) or (None if _is_unloaded(entry) else False)
    told = _capabilities(entry)
    if "completion" in told:  # Ollama: vision; llama.cpp: multimodal
        return bool(told & {"vision", "multimodal"})
    kind = entry.get("type")
    if kind == "vlm":
        return True
    return False if kind == "llm" and "compatibility_type" in entry else None  # LM Studio


def _inputs(entry: dict[str, Any]) -> frozenset[str]:
    """What a model reads, such as text and image; empty if not told. OpenRouter once wrote `text+image->text`."""
    architecture = _dict(entry.get("architecture"))
    for place in (architecture, entry):
        for name in INPUTS:
            if found := _words(place.get(name)):
                return found
    before, arrow, _ = str(architecture.get("modality") or "").partition("->")
    return _words(before.split("+")) if arrow else frozenset()


def _is_unloaded(entry: dict[str, Any]) -> bool:
    """Whether llama.cpp's router has not loaded the model. It then guesses, and says text if it knows nothing."""
    return _dict(entry.get("status")).get("value") not in (None, "loaded")


def _flag(entry: dict[str, Any], names: Iterable[str]) -> bool | None:
    places = (_dict(entry.get("capabilities")), entry)
    told = (place.get(name) for place in places for name in names)
    return next((flag for flag in told if isinstance(flag, bool)), None)


def _capabilities(entry: dict[str, Any]) -> frozenset[str]:
    return _words(entry.get("capabilities"))


def _words(value: Any) -> frozenset[str]:
    return (
        frozenset(word.lower() for word in value if isinstance(word, str)) if isinstance(value, list) else frozenset()
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
