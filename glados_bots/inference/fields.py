"""Fields of a request that we do not read: what changes nothing is let pass, all else is refused by name.

To ignore a field that asks for something would be a lie, and nobody can list all that servers have invented; so the
lists here are of what may pass. Anything may be there that asks for nothing: null, false, 0, "" or empty.
"""

from collections.abc import Container
from typing import Any

# They tell who asks, how it is billed, kept or sped up, or found again: no answer depends on them.
HARMLESS = frozenset(
    """
    cache_prompt cache_salt id_slot keep_alive metadata parallel_tool_calls prediction priority prompt_cache_key
    prompt_cache_options prompt_cache_retention request_id safety_identifier service_tier session_id store user
    """.split()
)
HARMLESS_OF_MESSAGES = frozenset("annotations cache_control id name reasoning reasoning_content refusal".split())
HARMLESS_OF_STREAMS = frozenset(["include_obfuscation"])
# Values that switch off what we do not do, as clients with many sliders send them.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "add_generation_prompt": (True,),
    "add_special_tokens": (True,),
    "best_of": (1,),
    "dynatemp_exponent": (1,),
    "function_call": ("none", "auto"),
    "include_reasoning": (True,),
    "length_penalty": (1,),
    "modalities": (["text"],),
    "repeat_penalty": (1,),
    "repetition_penalty": (1,),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "tfs_z": (1,),
    "tool_choice": ("none", "auto"),
    "truncation": ("disabled",),
    "typical_p": (1,),
    "verbosity": ("medium",),
    "xtc_threshold": (0.1,),
}
NOTHING = (False, "", [], {})  # 0 equals False


def without_noise(values: Any, read: Container[str], harmless: Container[str]) -> Any:
    """An object of a request without what may be passed over; what is left and not among `read` is to be refused."""
    if not isinstance(values, dict):
        return values
    return {
        name: value
        for name, value in values.items()
        if name in read or not (name in harmless or value is None or value in NEUTRAL.get(name, NOTHING))
    }
