"""From messages to the tokens a model reads, with no way for anybody's words to pass as structure."""
