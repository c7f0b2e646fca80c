"""The REST API v10: the way of every call, the routes, their limits and their faults."""
