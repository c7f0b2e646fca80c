"""Slack as it is: calls, budgets, installations, sockets and signed requests."""
