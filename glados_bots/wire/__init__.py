"""The adapters' end of the OpenAI-compatible API: what is asked of a model, and what comes back."""
