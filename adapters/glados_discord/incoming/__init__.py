"""What people do on Discord: messages, edits, commands, buttons, and what was missed."""
