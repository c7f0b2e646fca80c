"""A growing text: which part is safe to show, and its tree at each step."""
