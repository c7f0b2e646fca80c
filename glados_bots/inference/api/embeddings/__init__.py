"""The endpoint /v1/embeddings: its requests and its responses."""
