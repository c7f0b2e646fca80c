"""The content of a Discord message, as plain data and in readable words."""
