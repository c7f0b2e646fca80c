"""Calls of tools: how a model writes them, and their reader. Their grammar is in `grammars/calls.py`."""
