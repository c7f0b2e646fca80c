"""The CPU's own step for Llama-like models: 8-bit weights, all layers in one call, the library's cache pages."""
