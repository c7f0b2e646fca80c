"""What an operator does with stored data: back up, export, forget, inspect.

It also serves the metrics port.
"""
