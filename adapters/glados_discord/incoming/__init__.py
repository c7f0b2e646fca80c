"""What people do on Discord: messages, edits, commands, buttons, also those that were missed."""
