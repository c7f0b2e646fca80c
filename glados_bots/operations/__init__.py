"""What an operator does with what is kept: back up, forget, look at, retry; and what the metrics port shows."""
