"""Repairs of the markdown that models write, before it is parsed."""
