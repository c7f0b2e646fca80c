"""The README's pictures: what the real adapters and the real page show, drawn by a browser. See `make pictures`."""
