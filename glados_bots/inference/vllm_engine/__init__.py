"""The engine on vLLM, which runs as a process of its own."""
