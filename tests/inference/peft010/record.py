"""Records what peft 0.1.0 itself computes, for test_lora_import.py.

Run it only to make the fixtures anew:

    pip install --no-deps --target /tmp/peft010 peft==0.1.0
    python tests/inference/peft010/record.py /tmp/peft010

Tiny random models of the GLaDOS models' classes get an adapter of peft 0.1.0 with random weights, saved by its own
`save_pretrained` (a pickle), and its own forward pass on fixed tokens is kept. peft 0.1.0 imports bitsandbytes for one
class it compares with; a module with that class stands in, as no layer here is of it.
"""

import sys
import types
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import GPTBigCodeConfig, GPTBigCodeForCausalLM, GPTNeoXConfig, GPTNeoXForCausalLM

HERE = Path(__file__).parent
NEOX = GPTNeoXConfig(
    vocab_size=64,
    hidden_size=24,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=64,
)
BIGCODE = GPTBigCodeConfig(vocab_size=64, n_embd=24, n_layer=2, n_head=2, n_inner=48, n_positions=64)


def main() -> None:
    """Record both kinds of adapter."""
    bitsandbytes = types.ModuleType("bitsandbytes")
    bitsandbytes.nn = types.SimpleNamespace(Linear8bitLt=type("Linear8bitLt", (torch.nn.Linear,), {}))  # type: ignore[attr-defined]
    sys.modules["bitsandbytes"] = bitsandbytes
    sys.path.insert(0, sys.argv[1])
    import peft  # noqa: PLC0415 - the old one, from the folder given

    if peft.__version__ != "0.1.0":
        raise SystemExit(f"peft {peft.__version__} was imported, 0.1.0 is needed")
    common = {"task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "lora_dropout": 0.1}
    merged = peft.LoraConfig(
        **common, target_modules=["query_key_value"], enable_lora=[True, False, True], fan_in_fan_out=True
    )
    plain = peft.LoraConfig(**common, target_modules=["c_attn", "c_proj"])
    record(peft, "neox", GPTNeoXForCausalLM(NEOX), merged)
    record(peft, "bigcode", GPTBigCodeForCausalLM(BIGCODE), plain)


def record(peft: types.ModuleType, name: str, base: torch.nn.Module, config: object) -> None:
    """One model: its weights, the adapter, and the logits with and without it."""
    torch.manual_seed(1)
    folder = HERE / name
    base = base.eval()
    for parameter in base.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    base.name_or_path = f"tiny/{name}"
    base.save_pretrained(folder)
    tokens = torch.randint(0, 64, (2, 12))
    with torch.no_grad():
        before = base(tokens).logits
        model = peft.get_peft_model(base, config)
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                torch.nn.init.normal_(parameter, std=0.3)
        model.train(mode=False)
        after = model(tokens).logits
    model.save_pretrained(folder / "adapter")
    save_file({"tokens": tokens, "base": before, "adapted": after}, folder / "logits.safetensors")
    sys.stdout.write(f"{name}: the adapter moves the logits by up to {(after - before).abs().max():.2f}\n")


if __name__ == "__main__":
    main()
