"""The inference service: one model behind an OpenAI-compatible HTTP API."""
