"""A text that grows: what of it is safe to show, and its tree at each step."""
