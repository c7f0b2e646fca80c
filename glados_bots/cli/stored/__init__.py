"""Commands that read and change what is stored in Redis."""
