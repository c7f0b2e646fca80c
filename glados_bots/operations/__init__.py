"""What an operator does with what is kept: back up, export, forget, look.

And what the metrics port shows.
"""
