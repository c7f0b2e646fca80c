"""What is known of a model before its weights are here: how it is served, and how much memory it needs."""
