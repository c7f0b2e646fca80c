"""Tiny random models that see, as folders: weights, tokenizer, chat template, and what their processors are told."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers as t
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from glados_bots.conversation import Message
from glados_bots.inference.model_files.classes import model_class
from glados_bots.inference.pictures.decoding import pixels
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.transformers_engine.vision.eyes import TAKEN
from glados_bots.wire.events import Sampling
from tests.inference.tiny import VOCABULARY, write_model
from tests.inference.transformers_engine.classes import DENSE, IMAGE_TOKENS, PAGED, QWEN_EYES, SIZES, gemma4

# Control tokens of the embedded model's tokenizer, which stand for pictures here; classes.py has their numbers.
FIVE, SIX, SEVEN, EIGHT = "<file_sep>", "<filename>", "<gh_stars>", "<issue_start>"
TEMPLATE = """\
{% for message in messages %}<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}\
{% if part.type == 'image' %}PICTURE{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


@dataclass(frozen=True)
class Kind:
    """One kind of tiny model."""

    config: Callable[[], Any]
    written: str  # what its template writes for a picture
    processor: dict[str, Any] = field(default_factory=dict)


QWEN = f"{SEVEN}{FIVE}{EIGHT}"
SIZED = {"patch_size": 16, "merge_size": 2, "size": {"shortest_edge": 1024, "longest_edge": 65_536}}
TWO = {"patch_size": 16, "spatial_patch_size": 16, "window_size": 64, "fullatt_block_indexes": [0]}


def qwen25() -> Any:
    eyes = {**{key: value for key, value in QWEN_EYES.items() if key != "num_position_embeddings"}, **TWO}
    ropes = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
    return t.Qwen2_5_VLConfig(text_config={**SIZES, "rope_parameters": ropes}, vision_config=eyes, **IMAGE_TOKENS)


def gemma4_with_eyes(**text: Any) -> Any:
    config = gemma4(**text)
    config.vision_config.position_embedding_size = 256
    return config


LARGE = {"num_global_key_value_heads": 1, "use_bidirectional_attention": "vision"}
SMALL = {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": VOCABULARY, "num_kv_shared_layers": 2}
MIXTURE = {"enable_moe_block": True, "num_experts": 8, "top_k_experts": 2, "moe_intermediate_size": 32}
POOLED = {"patch_size": 16, "pooling_kernel_size": 3, "max_soft_tokens": 70}


KINDS = {
    "qwen 3 vl": Kind(PAGED["qwen 3 vl"], QWEN, SIZED),
    "gemma 3": Kind(PAGED["gemma 3 with vision"], FIVE, {"size": {"height": 56, "width": 56}}),
    "qwen 3 vl moe": Kind(PAGED["qwen 3 vl moe"], QWEN, SIZED),
    "qwen 2.5 vl": Kind(qwen25, QWEN, SIZED),
    "qwen 3.5": Kind(DENSE["qwen 3.5"], QWEN, SIZED),
    "qwen 3.5 moe": Kind(DENSE["qwen 3.5 moe"], QWEN, SIZED),
    "gemma 4": Kind(lambda: gemma4_with_eyes(**LARGE), SEVEN, POOLED),
    "gemma 4 moe": Kind(lambda: gemma4_with_eyes(**LARGE, **MIXTURE), SEVEN, POOLED),
    "gemma 4 small": Kind(lambda: gemma4_with_eyes(**SMALL, use_double_wide_mlp=True), SEVEN, POOLED),
    "mistral 3": Kind(PAGED["mistral 3"], FIVE, {"size": {"longest_edge": 56}}),
    "mistral 3 of ministral 3": Kind(PAGED["mistral 3 of ministral 3"], FIVE, {"size": {"longest_edge": 56}}),
}


def write(name: str, folder: Path) -> Path:
    """All weights are drawn wide, so that answers depend on what the pictures show."""
    torch.manual_seed(7)
    kind = KINDS[name]
    config = kind.config()
    model = model_class(config).from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)
            else:
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
    write_model(model, folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE.replace("PICTURE", kind.written))
    (folder / "preprocessor_config.json").write_text(json.dumps(kind.processor))
    return folder


def loaded(folder: Path) -> Any:
    config = t.AutoConfig.from_pretrained(folder)
    return model_class(config).from_pretrained(folder, config=config, dtype=torch.float32).eval()


# --- what the library's own processors make of a conversation ---


class PicturesOnly(t.Qwen3VLProcessor):  # type: ignore[misc] # transformers is untyped here
    """The library's processor without its part for videos, which wants torchvision."""

    @classmethod
    def get_attributes(cls) -> list[str]:
        return ["image_processor", "tokenizer"]


def processor_of(name: str, folder: Path) -> Any:
    """The library's processor of one of the first two kinds."""
    tokenizer = t.AutoTokenizer.from_pretrained(folder)
    named = {"image_token": FIVE, "vision_start_token": SEVEN, "vision_end_token": EIGHT, "video_token": SIX}
    if name == "gemma 3":
        named = {"boi_token": FIVE, "eoi_token": SIX, "image_token": SEVEN}
    for attribute, text in named.items():
        setattr(tokenizer, attribute, text)
        setattr(tokenizer, f"{attribute}_id", tokenizer.convert_tokens_to_ids(text))
    if name == "gemma 3":
        return t.Gemma3Processor(Gemma3ImageProcessorPil(**KINDS[name].processor), tokenizer, image_seq_length=4)
    return PicturesOnly(Qwen2VLImageProcessorPil(**KINDS[name].processor), tokenizer)


def processed(name: str, folder: Path, messages: Sequence[Message]) -> dict[str, Any]:
    """What `generate` takes, as the library's processor makes it of the rendered template and all pictures at once."""
    processor = processor_of(name, folder)
    talk = [
        {
            "role": message.role,
            "content": [*[{"type": "image"}] * len(message.pictures), {"type": "text", "text": message.content}],
        }
        for message in messages
    ]
    text = processor.tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    images = [pixels(picture) for message in messages for picture in message.pictures]
    return dict(processor(text=[text], images=[images] if images else None, return_tensors="pt"))


def as_eyes_see(engine: TransformersEngine, messages: Sequence[Message]) -> dict[str, Any]:
    """What `generate` takes, made of the engine's prompt and all pictures at once."""
    prompt = engine._encode(messages, Sampling())
    ids = torch.tensor([prompt.tokens])
    if not prompt.pictures:
        return {"input_ids": ids}
    eyes = engine.sight.eyes
    output = eyes._processor([pixels(one.picture) for one in prompt.pictures], return_tensors="pt")
    told = {name: value for name, value in output.items() if name in TAKEN}
    kinds = (ids == eyes.token).long()
    types = eyes.types or ("mm_token_type_ids" if "image_grid_thw" in told else "")
    return {"input_ids": ids, **told, **({types: kinds} if types else {})}
