"""Fields of a request that we do not read: those that change nothing may pass, all others are refused by name.

Ignoring a field that asks for something would mislead the client. Nobody can list all fields that servers have
invented, so these lists name what may pass. Every value that asks for nothing may pass: null, false, 0, "" or empty.
"""

from collections.abc import Container
from typing import Any

UNLIMITED = -1  # means "no limit" in numbers of tokens, as in other servers
# These fields say who asks, or how a request is billed, stored, sped up or found again: no answer depends on them. The
# fields in the last two lines belong to samplers. A sampler itself is refused unless it is off.
HARMLESS = frozenset(
    """
    cache_prompt cache_salt id_slot keep_alive metadata prediction priority prompt_cache_key
    prompt_cache_options prompt_cache_retention request_id safety_identifier service_tier session_id store user
    dry_allowed_length dry_base dry_penalty_last_n dry_sequence_breakers dynatemp_exponent mirostat_eta mirostat_tau
    repeat_last_n xtc_threshold
    """.split()
)
HARMLESS_OF_MESSAGES = frozenset("annotations cache_control id name reasoning refusal".split())
HARMLESS_OF_STREAMS = frozenset(["include_obfuscation"])
# Values that ask for nothing, for fields with special rules: 0 in prompt_logprobs asks for some, {} as a schema asks
# for JSON, and {} in web_search_options asks for a search.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "add_bos_token": (True,),
    "add_generation_prompt": (True,),
    "add_special_tokens": (True,),
    "best_of": (1,),
    "do_sample": (True,),
    "json_schema": (),
    "length_penalty": (1,),
    "max_new_tokens": (),
    "modalities": (["text"],),
    "n_predict": (UNLIMITED,),
    "prompt_logprobs": (),
    "repeat_penalty": (1,),
    "separate_reasoning": (True,),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "tfs_z": (1,),
    "think": (),
    "truncate_prompt_tokens": (),
    "truncation": ("disabled",),
    "typical_p": (1,),
    "verbosity": ("medium",),
    "web_search_options": (),
}
NOTHING: tuple[Any, ...] = (False, "", [], {})  # 0 equals False


def without_noise(values: Any, read: Container[str], harmless: Container[str]) -> Any:
    """A request's object without the fields that may pass. Refuse all that remain and are not in `read`."""
    if not isinstance(values, dict):
        return values
    return {
        name: value
        for name, value in values.items()
        if name in read or not (name in harmless or value is None or value in NEUTRAL.get(name, NOTHING))
    }
