"""What people do on Slack: messages, edits, commands, buttons, forms, and what was missed."""
