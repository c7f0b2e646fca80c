"""The Web API: the way of every call, the methods, their limits and their faults."""
