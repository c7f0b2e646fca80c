"""The endpoint /v1/completions: raw prompts, and the scores of their tokens."""
