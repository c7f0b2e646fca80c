"""Repairs the markdown that models write, before the parser reads it."""
