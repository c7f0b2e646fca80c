"""Where this service differs on purpose from what OpenAI publishes: field by field, with the reason.

A field that is not named here is served: every request with it that fits the published schema is answered.
"""

REFUSED = "refused"  # by name, unless the value asks for nothing
PARTLY = "partly"  # some values are served, the others are refused with their place

NO_AUDIO = "the engines read text and pictures, and write text"
NO_SEARCH = "nothing leaves the building"
NO_MODERATION = "no model of ours moderates"
OLD_TOOLS = "`tools` and `tool_choice` took their place in 2023"
LATER = "not served yet"
WINDOW = "a number of tokens is 1 to 1,000,000"

CHAT = {
    "audio": (REFUSED, NO_AUDIO),
    "function_call": (REFUSED, OLD_TOOLS),
    "functions": (REFUSED, OLD_TOOLS),
    "max_completion_tokens": (PARTLY, WINDOW),
    "max_tokens": (PARTLY, WINDOW),
    "logit_bias": (REFUSED, LATER),
    "logprobs": (REFUSED, LATER),
    "messages": (PARTLY, "messages with nothing but audio, files, refusals or empty text"),
    "modalities": (REFUSED, NO_AUDIO),
    "moderation": (REFUSED, NO_MODERATION),
    "n": (REFUSED, LATER),
    "reasoning_effort": (PARTLY, "each model has its own levels; the echo engine has none"),
    "response_format": (REFUSED, LATER),
    "seed": (PARTLY, "a seed has 64 bits; the published bounds have some more"),
    "stop": (PARTLY, "an empty string stops before the first word"),
    "tool_choice": (REFUSED, LATER),
    "tools": (REFUSED, LATER),
    "top_logprobs": (REFUSED, LATER),
    "verbosity": (REFUSED, "no model here has such a setting; `medium` is none"),
    "web_search_options": (REFUSED, NO_SEARCH),
}

FIELDS = {"/chat/completions": CHAT}
