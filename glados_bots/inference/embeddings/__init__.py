"""Vectors of texts: the model that makes them, and the turns of those who ask for them."""
