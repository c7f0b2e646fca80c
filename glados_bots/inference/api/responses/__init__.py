"""The endpoint /v1/responses: its requests, its items, and its streams. Nothing is stored."""
