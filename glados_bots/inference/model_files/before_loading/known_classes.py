"""What is known about the classes of transformers 5.23 by their `model_type`, where the config itself does not say it.

A class that is in none of these tables and whose config shows nothing unusual goes to continuous batching. The engine
compares such a class with its plain forward pass once; see
transformers_engine/trial.py. A test holds the tables against the library.
"""

LINEAR = "some of its layers have linear attention or convolutions, which keep a state instead of keys and values"
LATENT = "its keys and values are stored as one small vector (MLA)"
OWN_ATTENTION = "its attention is code of its own, which continuous batching cannot replace"

# Model type -> why it is served with the model's own cache.
DENSE = {
    name: reason
    for reason, names in {
        LINEAR: "bailing_hybrid bamba falcon_h1 granitemoehybrid inkling2 inkling2_text inkling_mm_model inkling_text "
        "jamba kimi_linear lfm2 lfm2_moe lfm2_vl lfm3 lfm3_vl minicpm_ocr minicpmv4_6 minicpmv4_7 nemotron_h "
        "nemotron_h_omni olmo_hybrid qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen3_next zamba zamba2 zaya",
        LATENT: "axk1 deepseek_v2 deepseek_v3 glm4_moe_lite kimi_k25 longcat_flash minicpm3 mistral4 youtu",
        "its attention falls off with the distance (ALiBi)": "bloom mpt",
        "its attention scores are capped, which continuous batching ignores": "gemma2 vaultgemma",
        "its attention heads have several sizes": "gemma4 gemma4_text gemma4_unified gemma4_unified_text mimo_v2_flash",
        "its attention works in chunks": "llama4 llama4_text",
        OWN_ATTENTION: "biogpt codegen deepseek_vl deepseek_vl_hybrid falcon gpt_neo gpt_neox_japanese gptj janus "
        "nemotron stablelm xglm",
    }.items()
    for name in names.split()
}

SPARSE = "its attention picks a few earlier tokens with an index, which no path of this engine computes"
OWN_CACHE = "it keeps what it has read in a cache of its own kind, which this engine cannot batch"
NO_CHAT = "it does not continue a text, so it cannot chat"

# Model type -> why it is not served.
REFUSED = {
    name: reason
    for reason, names in {
        SPARSE: "axk2 deepseek_v32 deepseek_v4 dots3_note dots3_note_text glm5_next glm_moe_dsa hy_v4 minimax_m3_vl "
        "minimax_m3_vl_text mistral_large4 qwen4_exp qwen4_exp_text unlimited_ocr",
        OWN_CACHE: "blt cpmant falcon_mamba mamba mamba2 minimax openai-gpt recurrent_gemma reformer rwkv xlnet xlstm",
        NO_CHAT: "bart bert bert-generation big_bird bigbird_pegasus blenderbot blenderbot-small blip blip-2 camembert "
        "data2vec-text diffusion_gemma electra ernie evolla florence2 gemma4_assistant gemma4_unified_assistant git "
        "idefics instructblip instructblipvideo kosmos-2 kosmos-2.5 marian mbart megatron-bert moshi "
        "moss_transcribe_diarize musicgen musicgen_melody mvp pegasus pi0 pix2struct plbart pp_formulanet prophetnet "
        "rembert roberta roberta-prelayernorm roc_bert roformer t5gemma2 trocr udop vision-encoder-decoder whisper xlm "
        "xlm-roberta xlm-roberta-xl xmod",
    }.items()
    for name in names.split()
}

# Model type -> a model of the same makers that this engine serves.
SISTERS = {"deepseek_v32": "DeepSeek V3.1", "falcon_mamba": "Falcon H1", "recurrent_gemma": "Gemma 3"}
