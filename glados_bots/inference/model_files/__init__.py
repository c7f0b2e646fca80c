"""Finds models and LoRAs and their files, and checks whether they fit this machine and are safe to load."""
