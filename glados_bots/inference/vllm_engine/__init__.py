"""The engine on vLLM, which runs as a separate process."""
