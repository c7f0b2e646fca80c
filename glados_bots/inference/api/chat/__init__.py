"""The endpoint /v1/chat/completions: its requests, its responses, and its streams."""
