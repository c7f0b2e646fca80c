"""The bodies of the requests."""

from typing import Annotated

from pydantic import Field

from glados_bots.inference.api.checking import NotOffered, StrictSchema, Text

LONGEST = 4_096  # characters; the engine tells what is wrong with a name or a path, and shows its beginning
Given = Annotated[Text, Field(min_length=1, max_length=LONGEST)]


class LoadRequest(StrictSchema):
    """`load_inplace`: replace the LoRA of this name, if there is one."""

    lora_name: Given
    lora_path: Given
    load_inplace: bool = False
    is_3d_lora_weight: NotOffered = None


class UnloadRequest(StrictSchema):
    """vLLM's clients may send the number of the LoRA, which vLLM ignores, and so do we."""

    harmless = frozenset({"lora_int_id"})
    lora_name: Given
