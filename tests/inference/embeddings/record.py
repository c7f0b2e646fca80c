"""Records what sentence-transformers computes, for tests that compare our vectors with it.

Run it in an environment with sentence-transformers 6.2.0 and our packages, which need it in no other place:

    python -m tests.inference.embeddings.record FOLDER_OF_ALL_MINILM_L6_V2

It writes small models of random weights into `saved/`, as sentence-transformers stores them, and the vectors of all
models into `reference.json`: base64 of float32.
"""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    Transformer,
)
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3Model,
    XLMRobertaConfig,
    XLMRobertaModel,
)

HERE = Path(__file__).parent
WORDS = "the a of to and in is cat dog sat mat on runs query document: search with red small house".split()
TEXTS = [
    "the cat sat on the mat",
    "a dog",
    "  small   red\n\thouse ",
    " ".join(WORDS * 5),
    "Unknown words 🙂 Ünïcödé [SEP] [MASK] <pad>",
]
BERT_SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
PROMPTS = {"query": "search query: ", "document": "document: "}


def tokenizer(folder: Path, *, first: str | None, last: str) -> None:
    """Store a tokenizer of whole words, which puts `first` before a text and `last` after it."""
    marks = ["<pad>", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = Tokenizer(models.WordLevel({word: index for index, word in enumerate([*marks, *WORDS, ":"])}, "[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    used = [(mark, marks.index(mark)) for mark in (first, last) if mark]
    made.post_processor = processors.TemplateProcessing(single=f"{first or ''} $A {last}".strip(), special_tokens=used)
    named = {"pad_token": "<pad>", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=120, **named).save_pretrained(folder)


def saved(name: str, model: Any, mark: str | None, *steps: Any, prompts: dict[str, str] | None = None) -> None:
    """Store a model of random weights with these steps after it."""
    folder = HERE / "saved" / name
    model.save_pretrained(folder)
    tokenizer(folder, first=mark, last="[SEP]")
    whole = SentenceTransformer(modules=[Transformer(str(folder)), *steps], prompts=prompts, device="cpu")
    whole.save(str(folder), create_model_card=False)


def make() -> None:
    """Store one model for each way to pool."""
    torch.manual_seed(20)
    size, sizes = 16, {"vocab_size": 32, "pad_token_id": 0, "max_position_embeddings": 130, **BERT_SIZES}
    saved("cls", BertModel(BertConfig(**sizes)), "[CLS]", Pooling(size, "cls"))
    saved(
        "dense", XLMRobertaModel(XLMRobertaConfig(**sizes)), "[CLS]", Pooling(size, "mean"),
        Dense(size, 24, bias=False, activation_function=torch.nn.Identity()), Dense(24, 12), Normalize(),
        prompts=PROMPTS,
    )  # fmt: skip
    causal = {**sizes, "num_key_value_heads": 1, "head_dim": 8}
    saved("lasttoken", Qwen3Model(Qwen3Config(**causal)), None, Pooling(size, "lasttoken"), Normalize())


def vectors(model: SentenceTransformer, **prompt: str) -> list[str]:
    """The vectors of TEXTS, each as base64 of its float32 values."""
    return [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in model.encode(TEXTS, **prompt)]


def main() -> None:
    make()
    found: dict[str, Any] = {
        "texts": TEXTS,
        "all_minilm_l6_v2": vectors(SentenceTransformer(sys.argv[1], device="cpu")),
    }
    for folder in sorted((HERE / "saved").iterdir()):
        model = SentenceTransformer(str(folder), device="cpu")
        found[folder.name] = vectors(model)
        if model.prompts.get("query"):
            found[f"{folder.name} query"] = vectors(model, prompt_name="query")
    (HERE / "reference.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
