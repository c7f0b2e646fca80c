"""Fields of other servers that this service has not, and what to send instead.

Sources: the OpenAI API reference, vLLM's "Sampling parameters" and extra parameters, and llama.cpp's server.
"""

OTHERWISE = "leave it out"
NO_AUDIO = "the models write text; leave it out"
NO_BEAMS = "the service samples and does not search; ask for n answers with logprobs, and choose"
SEARCH = "nothing leaves the building; give the model a tool of your own that searches"
REMEDIES = {
    "allowed_token_ids": "use guided_choice or guided_regex for the form of the answer",
    "audio": NO_AUDIO,
    "bad_words": "use logit_bias with -100 for the tokens of a word; /tokenize tells them",
    "best_of": NO_BEAMS,
    "chat_template": "the service keeps to the model's own template; /v1/completions takes a raw prompt",
    "continue_final_message": "/v1/completions continues a text",
    "do_sample": "use temperature 0 for the likeliest tokens",
    "documents": "put their text into a message",
    "early_stopping": NO_BEAMS,
    "echo": "/v1/completions repeats its prompt",
    "grammar": "use guided_grammar, in the form of Lark",
    "ignore_eos": "use min_tokens",
    "include_stop_str_in_output": "an answer ends before its stop string; add the string yourself",
    "json_schema": "use response_format with the type json_schema",
    "length_penalty": NO_BEAMS,
    "logits_processors": "use logit_bias, or response_format for the form of the answer",
    "max_new_tokens": "use max_tokens",
    "messages": "use /v1/chat/completions for a conversation",
    "modalities": NO_AUDIO,
    "n_predict": "use max_tokens",
    "prompt_logprobs": "/v1/completions with echo and logprobs scores a prompt",
    "repeat_penalty": "use repetition_penalty",
    "think": "use reasoning_effort",
    "truncate_prompt_tokens": "shorten the prompt yourself; /tokenize counts its tokens",
    "use_beam_search": NO_BEAMS,
    "web_search_options": SEARCH,
}


def remedy(place: str) -> str:
    """What to do about a field that this service does not read. Args: place: such as `messages.0.audio`."""
    return REMEDIES.get(place.rpartition(".")[2], OTHERWISE)
