"""Discord as it is: the client of the moment, rate limits, permissions, error codes."""
