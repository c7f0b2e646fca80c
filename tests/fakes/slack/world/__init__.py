"""What exists on the fake Slack, and what it allows, does and tells when somebody acts."""
