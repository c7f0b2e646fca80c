"""What `auto` chooses: the best of a ranked list of cards that this machine can hold, and why."""
