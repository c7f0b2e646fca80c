"""Converts messages to the tokens that a model reads. Nobody's words can pass as structure."""
