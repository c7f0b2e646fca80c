"""From generated tokens to an answer: text, reasoning and its limit, and the end."""
