"""From mended text to the tree."""
