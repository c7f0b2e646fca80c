"""What a Discord message says, as plain data and in readable words."""
