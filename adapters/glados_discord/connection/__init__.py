"""The connection to Discord: the client in use, rate limits, permissions, error codes."""
