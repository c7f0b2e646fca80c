"""The texts of a message: of its answer, and of the reasoning that servers send in fields of their own."""

from collections.abc import Iterator
from typing import Any

# Fields for reasoning. DeepSeek, SGLang, llama.cpp and LM Studio send the first. OpenRouter, Ollama and newer vLLM send
# the second, and proxies the others.
FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
ANSWER = frozenset({"text", "output_text", "refusal"})


def text_of(content: Any) -> str:
    """The text of a content, which is a text or a list of parts. Only parts of the answer count."""
    if isinstance(content, str):
        return content
    parts = (part for part in _dicts(content) if part.get("type") in ANSWER)
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)


def thoughts(said: dict[str, Any]) -> str:
    """The reasoning of a message or of a piece of it. Servers that fill several fields say the same in each."""
    found = (text_of(said.get(name)) for name in FIELDS)
    told = next(filter(None, found), "") or "".join(_details(said.get("reasoning_details")))
    return told or "".join(_parts(said.get("content")))


def _details(details: Any) -> Iterator[str]:
    """OpenRouter's list. An encrypted entry has no text."""
    for detail in _dicts(details):
        text = detail.get("text") or detail.get("summary")
        yield text if isinstance(text, str) else ""


def _parts(content: Any) -> Iterator[str]:
    """The parts of a content that are reasoning: Mistral's hold further parts, those of others a text."""
    for part in _dicts(content):
        if part.get("type") in {"thinking", "reasoning"}:
            yield text_of(part.get("thinking") or part.get("reasoning") or part.get("text"))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
