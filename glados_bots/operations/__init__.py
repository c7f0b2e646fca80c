"""What an operator does with stored data: back up, export, forget, inspect.

And what the metrics port shows.
"""
