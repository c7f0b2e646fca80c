"""How a model with vision sees the pictures of a request."""
