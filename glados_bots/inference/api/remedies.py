"""Fields of other servers that this service has not, and what to send instead.

Sources: the OpenAI API reference, vLLM's "Sampling parameters" and extra parameters, and llama.cpp's server.
"""

OTHERWISE = "leave it out"
REPLACED = "OpenAI has replaced it by tools and tool_choice; send those"
AS_TEXT = "/v1/completions continues a text"
IDS = "/tokenize tells the ids of a text"
NO_AUDIO = "the models write text; leave it out"
NO_SUFFIX = "the models continue a text and fill no gap; leave it out"
NO_BEAMS = "the service samples and does not search; ask for n answers with logprobs, and choose"
SEARCH = "nothing leaves the building; give the model a tool of your own that searches"
REMEDIES = {
    "add_generation_prompt": AS_TEXT,
    "add_special_tokens": "send token ids as the prompt; /tokenize tells them",
    "allowed_token_ids": "use guided_choice or guided_regex for the form of the answer",
    "audio": NO_AUDIO,
    "bad_words": "use logit_bias with -100 for the tokens of a word; /tokenize tells them",
    "best_of": NO_BEAMS,
    "chat_template": "the service keeps to the model's own template; /v1/completions takes a raw prompt",
    "continue_final_message": AS_TEXT,
    "do_sample": "use temperature 0 for the likeliest tokens",
    "documents": "put their text into a message",
    "dry_multiplier": "use frequency_penalty or repetition_penalty",
    "early_stopping": NO_BEAMS,
    "echo": "/v1/completions repeats its prompt",
    "function_call": REPLACED,
    "functions": REPLACED,
    "grammar": "use guided_grammar, in the form of Lark",
    "guided_decoding_backend": "the service keeps every form in the same way; leave it out",
    "ignore_eos": "use min_tokens",
    "include_stop_str_in_output": "an answer ends before its stop string; add the string yourself",
    "json_schema": "use response_format with the type json_schema",
    "length_penalty": NO_BEAMS,
    "logits_processors": "use logit_bias, or response_format for the form of the answer",
    "max_new_tokens": "use max_tokens",
    "messages": "use /v1/chat/completions for a conversation",
    "mirostat": "use temperature, top_p or min_p",
    "modalities": NO_AUDIO,
    "moderation": "no model here moderates; leave it out",
    "n_predict": "use max_tokens",
    "prompt_logprobs": "/v1/completions with echo and logprobs scores a prompt",
    "repeat_penalty": "use repetition_penalty",
    "return_token_ids": IDS,
    "return_tokens_as_token_ids": IDS,
    "skip_special_tokens": "answers are text without control tokens; logprobs tell each token",
    "suffix": NO_SUFFIX,
    "think": "use reasoning_effort",
    "tool_choice": "use /v1/chat/completions for tools",
    "tools": "use /v1/chat/completions for tools",
    "top_logprobs": "use logprobs with a number",
    "truncate_prompt_tokens": "shorten the prompt yourself; /tokenize counts its tokens",
    "use_beam_search": NO_BEAMS,
    "verbosity": "ask for it in a message",
    "web_search_options": SEARCH,
}


def remedy(place: str) -> str:
    """What to do about a field that this service does not read. Args: place: such as `messages.0.audio`."""
    return REMEDIES.get(place.rpartition(".")[2], OTHERWISE)
