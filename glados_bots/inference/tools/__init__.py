"""Calls of tools: how a model writes them, the grammar that forces them, and their reader."""
