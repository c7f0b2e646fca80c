"""Makes files of what is too long for the messages of a platform."""
