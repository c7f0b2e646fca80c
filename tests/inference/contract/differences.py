"""Where this service differs on purpose from what OpenAI publishes: field by field, with the reason.

A field that is not named here is served: every request with it that fits the published schema is answered.
"""

REFUSED = "refused"  # by name, unless the value asks for nothing
PARTLY = "partly"  # some values are served, the others are refused with their place

NO_AUDIO = "the engines read text and pictures, and write text"
NO_SEARCH = "nothing leaves the building"
NO_MODERATION = "no model of ours moderates"
OLD_TOOLS = "`tools` and `tool_choice` took their place in 2023"
NO_IDS = "ids are numbers of the model's vocabulary; the echo engine has none"
WINDOW = "a number of tokens is 1 to 1,000,000"

CHAT = {
    "audio": (REFUSED, NO_AUDIO),
    "function_call": (REFUSED, OLD_TOOLS),
    "functions": (REFUSED, OLD_TOOLS),
    "max_completion_tokens": (PARTLY, WINDOW),
    "max_tokens": (PARTLY, WINDOW),
    "logit_bias": (PARTLY, NO_IDS),
    "messages": (PARTLY, "messages with nothing but audio, files, refusals or empty text"),
    "modalities": (REFUSED, NO_AUDIO),
    "moderation": (REFUSED, NO_MODERATION),
    "n": (PARTLY, "at most 8 answers"),
    "reasoning_effort": (PARTLY, "each model has its own levels; the echo engine has none"),
    "response_format": (PARTLY, "a schema that no token mask keeps; the echo engine keeps none"),
    "seed": (PARTLY, "a seed has 64 bits; the published bounds have some more"),
    "stop": (PARTLY, "an empty string stops before the first word"),
    "tool_choice": (PARTLY, "it must name a tool of the request; custom tools are for /v1/responses"),
    "tools": (PARTLY, "functions whose schema a token mask keeps; custom tools are for /v1/responses"),
    "verbosity": (REFUSED, "no model here has such a setting; `medium` is none"),
    "web_search_options": (REFUSED, NO_SEARCH),
}

STATELESS = "nothing is stored, so that the whole conversation comes with each request"
RESPONSES = {
    "background": (REFUSED, STATELESS),
    "conversation": (REFUSED, STATELESS),
    "context_management": (REFUSED, "nothing is dropped from a conversation"),
    "input": (PARTLY, "messages, calls of functions, their results and reasoning"),
    "max_output_tokens": (PARTLY, WINDOW),
    "moderation": (REFUSED, NO_MODERATION),
    "previous_response_id": (REFUSED, STATELESS),
    "prompt": (REFUSED, STATELESS),
    "reasoning": (PARTLY, "each model has its own levels; the echo engine has none"),
    "text": (PARTLY, "a schema that no token mask keeps, and every verbosity but medium"),
    "tool_choice": (PARTLY, "it must name a tool of the request"),
    "tools": (PARTLY, "functions, custom tools, namespaces, and what Codex always sends"),
    "top_logprobs": (PARTLY, "they come only with `message.output_text.logprobs` in `include`"),
    "truncation": (PARTLY, "nothing is dropped from a conversation: `disabled`"),
}
COMPLETIONS = {
    "best_of": (REFUSED, "answers are not ranked"),
    "logit_bias": (PARTLY, NO_IDS),
    "max_tokens": (PARTLY, "a number of tokens is 0 to 1,000,000"),
    "n": (PARTLY, "at most 8 answers"),
    "prompt": (PARTLY, "at most 128 prompts, each with text; the echo engine takes no token ids"),
    "stop": (PARTLY, "an empty string stops before the first word"),
    "suffix": (REFUSED, "the models continue a text, and fill no gap"),
}
EMBEDDINGS = {
    "dimensions": (PARTLY, "each model has its own, and some can be cut to fewer"),
    "input": (PARTLY, "texts that are not empty, and ids of the model's vocabulary"),
}
FIELDS = {
    "/chat/completions": CHAT,
    "/completions": COMPLETIONS,
    "/embeddings": EMBEDDINGS,
    "/responses": RESPONSES,
}
