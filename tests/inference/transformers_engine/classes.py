"""A tiny config of every model class of a card, and of other well-known ones, with each of its features switched on.

Windows and chunks are shorter than the questions of test_classes.py, and scales differ from 1.
"""

from collections.abc import Callable
from typing import Any

import transformers as t

from tests.inference.tiny import VOCABULARY

WINDOW = 24  # tokens of a sliding window or of a chunk
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 1024,
    "pad_token_id": 0,
}
HEAD = {"head_dim": 16}
SLIDING = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"] * 2}
LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention"],
}
EXPERTS = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
SHARED = {**EXPERTS, "shared_expert_intermediate_size": 32}
ROUTED = {"n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "routed_scaling_factor": 1.5}
GROUPED = {**ROUTED, "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1}
LATENT = {"kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 16}
MAMBA = {"mamba_d_state": 8, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_chunk_size": 16}
SCALES = {
    "embedding_multiplier": 3.0,
    "attention_multiplier": 0.5,
    "residual_multiplier": 0.5,
    "logits_scaling": 2.0,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
BETA = {"llama_4_scaling_beta": 0.5}  # of the scale that grows with the position
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64}
SECTIONS = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
PARTIAL = {**SECTIONS, "mrope_section": [1, 1, 0], "partial_rotary_factor": 0.25}
IMAGE_TOKENS = {"image_token_id": 5, "video_token_id": 6, "vision_start_token_id": 7, "vision_end_token_id": 8}
QWEN_EYES = {
    "depth": 1,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_heads": 2,
    "out_hidden_size": 32,
    "num_position_embeddings": 16,
}
SIGLIP = {
    "model_type": "siglip_vision_model",
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 56,
    "patch_size": 14,
}
PIXTRAL = {
    "model_type": "pixtral",
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "head_dim": 8,
    "image_size": 56,
    "patch_size": 14,
}
GEMMA4 = {**SIZES, **HEAD, **SLIDING, "global_head_dim": 32, "hidden_size_per_layer_input": 0}
GEMMA4_EYES = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "position_embedding_size": 16,
}


def without(sizes: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in sizes.items() if key != name}


def gemma4(**more: Any) -> Any:
    """With two sizes of heads, as every released one."""
    return t.Gemma4Config(
        text_config={**GEMMA4, **more},
        vision_config=GEMMA4_EYES,
        audio_config=None,
        boi_token_id=5,
        eoi_token_id=6,
        image_token_id=7,
        video_token_id=8,
        audio_token_id=9,
        boa_token_id=10,
        eoa_token_index=11,
    )


def qwen_with_eyes(kind: Any, eyes: dict[str, Any], **text: Any) -> Any:
    return kind(text_config={**SIZES, **HEAD, **text}, vision_config=eyes, **IMAGE_TOKENS)


DEEP_EYES = {**QWEN_EYES, "deepstack_visual_indexes": [0]}

# Served by continuous batching.
PAGED: dict[str, Callable[[], Any]] = {
    "llama": lambda: t.LlamaConfig(**SIZES, rope_parameters=LLAMA3),
    "mistral": lambda: t.MistralConfig(**SIZES, sliding_window=None),
    "mistral, window": lambda: t.MistralConfig(**SIZES, sliding_window=WINDOW),
    "ministral 3": lambda: t.Ministral3Config(
        **SIZES, **HEAD, rope_parameters={**YARN, **BETA, "mscale": 1.0, "mscale_all_dim": 1.0}
    ),
    "mistral 3": lambda: t.Mistral3Config(
        text_config={"model_type": "mistral", **SIZES, **HEAD, "sliding_window": None},
        vision_config=PIXTRAL,
        image_token_index=5,
    ),
    "mistral 3 of ministral 3": lambda: t.Mistral3Config(
        text_config={
            "model_type": "ministral3",
            **SIZES,
            **HEAD,
            "rope_parameters": {**YARN, **BETA},
        },
        vision_config=PIXTRAL,
        image_token_index=5,
    ),
    "qwen 2": lambda: t.Qwen2Config(**SIZES),
    "qwen 2, window": lambda: t.Qwen2Config(
        **SIZES, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=2
    ),
    "qwen 3": lambda: t.Qwen3Config(**SIZES, **HEAD),
    "qwen 3 moe": lambda: t.Qwen3MoeConfig(**SIZES, **HEAD, **EXPERTS, norm_topk_prob=True),
    "qwen 3 vl": lambda: qwen_with_eyes(t.Qwen3VLConfig, DEEP_EYES, rope_parameters=SECTIONS),
    "qwen 3 vl moe": lambda: qwen_with_eyes(t.Qwen3VLMoeConfig, DEEP_EYES, rope_parameters=SECTIONS, **EXPERTS),
    "gemma 3": lambda: t.Gemma3TextConfig(**SIZES, **HEAD, **SLIDING, query_pre_attn_scalar=4),
    "gemma 3 with vision": lambda: t.Gemma3Config(
        text_config={**SIZES, **HEAD, **SLIDING, "query_pre_attn_scalar": 4},
        vision_config=SIGLIP,
        mm_tokens_per_image=4,
        boi_token_index=5,
        eoi_token_index=6,
        image_token_index=7,
    ),
    "gemma 3n": lambda: t.Gemma3nTextConfig(
        **SIZES,
        **HEAD,
        **SLIDING,
        vocab_size_per_layer_input=VOCABULARY,
        hidden_size_per_layer_input=8,
        num_kv_shared_layers=2,
        laurel_rank=8,
        activation_sparsity_pattern=[0.9, 0.9, 0.0, 0.0],
        final_logit_softcapping=2.0,
    ),
    "gpt-oss": lambda: t.GptOssConfig(**SIZES, **HEAD, **SLIDING, num_local_experts=8, num_experts_per_tok=2),
    "phi 3": lambda: t.Phi3Config(**SIZES),
    "phi 3, window": lambda: t.Phi3Config(**SIZES, sliding_window=WINDOW),
    "smollm 3": lambda: t.SmolLM3Config(**SIZES, no_rope_layers=[1, 0, 1, 0]),
    "olmo 2": lambda: t.Olmo2Config(**SIZES),
    "olmo 3": lambda: t.Olmo3Config(**SIZES, **SLIDING, rope_parameters=YARN),
    "granite": lambda: t.GraniteConfig(**SIZES, **SCALES),
    "glm 4": lambda: t.Glm4Config(**SIZES, **HEAD),
    "glm 4 moe": lambda: t.Glm4MoeConfig(**SIZES, **GROUPED, use_qk_norm=True, attention_bias=True),
    "gpt-neox": lambda: t.GPTNeoXConfig(**without(SIZES, "num_key_value_heads")),
    "gpt-bigcode": lambda: t.GPTBigCodeConfig(vocab_size=VOCABULARY, n_embd=32, n_layer=3, n_head=4, n_positions=1024),
    "cohere 2": lambda: t.Cohere2Config(**SIZES, **SLIDING, logit_scale=0.5),
    "exaone 4": lambda: t.Exaone4Config(**SIZES, **SLIDING),
}

# Served with the model's own cache.
DENSE: dict[str, Callable[[], Any]] = {
    "qwen 3 next": lambda: t.Qwen3NextConfig(**SIZES, **HEAD, **LINEAR, **SHARED),
    "qwen 3.5": lambda: qwen_with_eyes(t.Qwen3_5Config, QWEN_EYES, **LINEAR, rope_parameters=PARTIAL),
    "qwen 3.5 moe": lambda: qwen_with_eyes(t.Qwen3_5MoeConfig, QWEN_EYES, **LINEAR, **SHARED, rope_parameters=PARTIAL),
    "gemma 2": lambda: t.Gemma2Config(
        **SIZES, **HEAD, **SLIDING, query_pre_attn_scalar=4, attn_logit_softcapping=2.0, final_logit_softcapping=2.0
    ),
    "gemma 4": lambda: gemma4(num_global_key_value_heads=1, attention_k_eq_v=True, final_logit_softcapping=2.0),
    "gemma 4 moe": lambda: gemma4(
        enable_moe_block=True, num_experts=8, top_k_experts=2, moe_intermediate_size=32, num_global_key_value_heads=1
    ),
    "gemma 4 small": lambda: gemma4(
        hidden_size_per_layer_input=8,
        vocab_size_per_layer_input=VOCABULARY,
        num_kv_shared_layers=2,
        use_double_wide_mlp=True,
    ),
    "granite 4": lambda: t.GraniteMoeHybridConfig(
        **SIZES,
        **MAMBA,
        **SCALES,
        layer_types=["mamba", "attention"] * 2,
        num_local_experts=0,
        shared_intermediate_size=32,
    ),
    "granite 4 moe": lambda: t.GraniteMoeHybridConfig(
        **SIZES,
        **MAMBA,
        **SCALES,
        layer_types=["mamba", "attention"] * 2,
        num_local_experts=8,
        num_experts_per_tok=2,
        shared_intermediate_size=32,
    ),
    "llama 4": lambda: t.Llama4TextConfig(
        **SIZES,
        **HEAD,
        intermediate_size_mlp=64,
        num_local_experts=4,
        num_experts_per_tok=1,
        interleave_moe_layer_step=2,
        no_rope_layers=[1, 1, 1, 0],
        attention_chunk_size=WINDOW,
        floor_scale=16,
        attn_scale=2.0,
    ),
    "lfm 2": lambda: t.Lfm2Config(**SIZES, layer_types=["conv", "conv", "full_attention", "conv"]),
    "deepseek 2": lambda: t.DeepseekV2Config(**{**SIZES, "num_key_value_heads": 4}, **LATENT, **GROUPED),
    "deepseek 3": lambda: t.DeepseekV3Config(
        **{**SIZES, "num_key_value_heads": 4}, **LATENT, **GROUPED, rope_parameters={**YARN, "mscale_all_dim": 1.0}
    ),
    "mpt": lambda: t.MptConfig(d_model=32, n_heads=4, n_layers=3, max_seq_len=1024, vocab_size=VOCABULARY),
    "bloom": lambda: t.BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=3, n_head=4),
    "falcon": lambda: t.FalconConfig(**SIZES),
    "falcon, alibi": lambda: t.FalconConfig(**SIZES, alibi=True, multi_query=False),
    "falcon, new": lambda: t.FalconConfig(**SIZES, new_decoder_architecture=True, num_kv_heads=2),
    "stablelm": lambda: t.StableLmConfig(**SIZES, use_qkv_bias=True, qk_layernorm=True),
    "nemotron": lambda: t.NemotronConfig(**SIZES),
    "bamba": lambda: t.BambaConfig(**SIZES, **MAMBA, attn_layer_indices=[1, 3]),
    "jamba": lambda: t.JambaConfig(
        **SIZES,
        num_experts=4,
        num_experts_per_tok=2,
        attn_layer_period=2,
        attn_layer_offset=1,
        mamba_d_state=8,
    ),
    "falcon h1": lambda: t.FalconH1Config(
        **SIZES, **MAMBA, mamba_d_ssm=64, embedding_multiplier=3.0, key_multiplier=0.5, attention_out_multiplier=0.5
    ),
    "nemotron h": lambda: t.NemotronHConfig(
        **without(SIZES, "num_hidden_layers"),
        **HEAD,
        **ROUTED,
        layers_block_type=["mamba", "attention", "moe", "mamba"],
        ssm_state_size=8,
        mamba_num_heads=4,
        mamba_head_dim=16,
        n_groups=1,
        chunk_size=16,
        moe_shared_expert_intermediate_size=32,
    ),
}
