"""Text and blocks: what Slack takes, what a person reads of it, and what can be pressed."""
