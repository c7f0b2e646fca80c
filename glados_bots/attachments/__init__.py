"""Makes words and pictures of the files that people attach."""
