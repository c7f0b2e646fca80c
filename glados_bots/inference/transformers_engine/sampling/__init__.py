"""How the next token of each request is chosen from the model's scores."""
