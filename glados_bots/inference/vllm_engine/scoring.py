"""vLLM's scores of tokens, which it writes in the form of OpenAI's completions, with ids in place of texts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from glados_bots.errors import GenerationFailedError
from glados_bots.inference.decoding.logprobs import Scored

ID = "token_id:"  # what vLLM writes before a token's id


def wished(logprobs: int | None) -> dict[str, Any]:
    """The fields of a request that ask for the scores of the answer."""
    return {} if logprobs is None else {"logprobs": logprobs, "return_tokens_as_token_ids": True}


def of_choice(choice: Mapping[str, Any], logprobs: int | None) -> list[Scored]:
    """The scores of the new tokens of a chunk. Raises GenerationFailedError if they are wanted and missing."""
    if logprobs is None or not choice.get("token_ids"):
        return []
    told = choice.get("logprobs") or {}
    lists = [told.get(name) or () for name in ("tokens", "token_logprobs", "top_logprobs")]
    if {len(one) for one in lists} != {len(choice["token_ids"])}:
        raise GenerationFailedError("this vLLM does not send a score for each token; install a newer one")
    return [
        Scored(_id(token), logprob, _best(((_id(name), value) for name, value in (top or {}).items()), logprobs))
        for token, logprob, top in zip(*lists, strict=True)
    ]


def of_prompt(choice: Mapping[str, Any], prompt: Sequence[int], count: int) -> list[Scored]:
    """The scores of a prompt's tokens but the first. Raises GenerationFailedError if some are missing."""
    told = choice.get("prompt_logprobs") or ()
    if len(told) != len(prompt) or not all(str(token) in one for token, one in zip(prompt[1:], told[1:], strict=True)):
        raise GenerationFailedError("this vLLM does not send the scores of a prompt; install a newer one")
    return [
        Scored(token, one[str(token)]["logprob"], _best(((int(key), of["logprob"]) for key, of in one.items()), count))
        for token, one in zip(prompt[1:], told[1:], strict=True)
    ]


def _id(text: str) -> int:
    return int(text.removeprefix(ID))


def _best(scores: Iterable[tuple[int, float]], count: int) -> tuple[tuple[int, float], ...]:
    """The likeliest; vLLM also tells the chosen token, which may not be among them."""
    return tuple(sorted(scores, key=lambda one: -one[1])[:count])
