"""What a Slack message says, in readable words."""
