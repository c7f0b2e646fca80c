"""Slack's three entities."""


def decode(text: str) -> str:
    """Undo Slack's three entities, once: people who typed `&amp;` meant that."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def encode(text: str) -> str:
    """The three characters that mrkdwn wants as entities, and only these."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
