"""Our CPU step for Llama-like models: 8-bit weights, all layers in one call, in the library's cache pages."""
