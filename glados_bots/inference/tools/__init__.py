"""Calls of tools: how a model writes them, the grammar that forces them, and the reader of an answer that holds them."""
