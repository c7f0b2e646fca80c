"""Settings that only the service reads. They have the same prefix as the settings of all roles."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from glados_bots.settings import Settings, words

ORIGIN = re.compile(r"https?://[^/?#@\s*]+")


def _check_origins(text: str) -> str:
    for origin in words(text):
        if origin != "*" and not ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is not an origin: write https://HOST or https://HOST:PORT")
    return text


class ServeSettings(Settings):
    """All settings of the service: those that all roles share, and its own."""

    model: str = Field("auto", min_length=1, description="Card name, folder, GGUF file or hub id. `auto` chooses one")
    embedding_model: str = Field(
        "", description="Embedding model beside it: card name, folder or hub id. Empty means none"
    )
    embedding_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where embeddings are computed. `auto` takes the GPU, unless vLLM has it"
    )
    engine: Literal["transformers", "vllm", "echo"] = Field(
        "transformers", description="`transformers`, `vllm`, or `echo`, which repeats the question without a model"
    )
    vllm_command: str = Field("vllm", min_length=1, description="The `vllm` program that the engine `vllm` starts")
    vllm_arguments: str = Field("", description="More arguments for `vllm serve`, as in a shell")
    hf_token: SecretStr | None = Field(None, description="Hugging Face token, for gated models such as StarCoder")
    multi_gpu: bool | None = Field(
        None, description="Spread one model over all GPUs. If empty, `auto` does so when a better model then fits"
    )
    quantize: Literal["auto", "none", "8bit", "4bit"] = Field(
        "auto", description="Precision of the weights. `none` is bfloat16, `auto` the fastest that answers as well"
    )
    dtype: Literal["bfloat16", "float32"] = Field(
        "bfloat16", description="Type of weights that are not quantised. `float32` is exact and takes twice the memory"
    )
    loras: str = Field("", description="More LoRAs on the same base: `NAME=FOLDER`, separated by commas")
    base_only: bool = Field(default=False, description="Serve the card's base without its LoRA")
    max_loras: int = Field(
        0, ge=0, le=256, description="Most LoRAs at a time. Above 0, the API loads and unloads them without a restart"
    )
    max_lora_rank: int = Field(16, ge=1, le=512, description="Largest rank of a LoRA that the API loads")
    loras_dir: Path | None = Field(
        None, description="Folder of the LoRAs that the API may load. Empty means `loras` in the data folder"
    )
    cache_gb: float | None = Field(
        None, gt=0, le=10_000, description="Memory for keys and values in GB. If empty, GLaDOS plans it for the device"
    )
    context_length: int | None = Field(
        None,
        ge=256,
        le=10_000_000,
        description="Most tokens of prompt and answer together. If empty, 32768 or what fits the memory",
    )
    models_dir: Path | None = Field(
        None, description="Folder of your own cards and LoRAs. Empty means `models` beside the built-in ones"
    )
    cors_origins: Annotated[str, AfterValidator(_check_origins)] = Field(
        "",
        description="Pages whose scripts may call the service. `*` means all, empty means none",
    )
    fetch_pictures: bool = Field(
        default=False, description="Fetch pictures from http(s) addresses, from the public internet only"
    )
    share_prefixes: Literal["key", "all"] = Field(
        "key", description="Which requests share cached prompts: those of one API `key`, or `all`"
    )
    thinking_tokens: int = Field(
        4096,
        ge=0,
        le=1_000_000,
        description="Most tokens of reasoning before an answer. They take none of the answer's",
    )
    max_waiting: int = Field(64, ge=1, le=10_000, description="Most waiting requests in the service. More get 429")

    @property
    def hub_token(self) -> str | None:
        return self.hf_token.get_secret_value() if self.hf_token else None
