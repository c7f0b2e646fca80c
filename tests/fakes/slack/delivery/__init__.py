"""The way to the app: Socket Mode or signed HTTP, events, interactions and their acknowledgements."""
