"""What people see on Slack."""
