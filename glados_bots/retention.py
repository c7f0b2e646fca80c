"""How long idle conversations are stored: `GLADOS_RETENTION=web=7d,discord=30d`, else GLADOS_CONVERSATION_TTL."""

import re

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
ENTRY = re.compile(r"([a-z][a-z0-9_]*)\s*=\s*(\d{1,9})\s*([smhdw]?)")
SHORTEST_KEPT_S, LONGEST_KEPT_S = 60, 10 * 365 * 86400


def parse(text: str) -> dict[str, int]:
    """Seconds per platform. Raises ValueError, which names the wrong entry."""
    found = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        match = ENTRY.fullmatch(entry)
        seconds = int(match[2]) * UNITS[match[3]] if match else 0
        if match is None or not SHORTEST_KEPT_S <= seconds <= LONGEST_KEPT_S:
            raise ValueError(f"{entry!r} is not PLATFORM=TIME, such as web=7d, slack=12h; 1 minute to 10 years")
        found[match[1]] = seconds
    return found


def check(text: str) -> str:
    """Return the text unchanged if `parse` can read it, else raise its ValueError."""
    parse(text)
    return text
