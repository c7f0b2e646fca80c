"""Builds the tree from repaired text."""
