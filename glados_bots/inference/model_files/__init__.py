"""Which models and LoRAs there are, where their files are, whether they fit, and whether they are safe to load."""
