"""What people have open of the page."""

import asyncio
from dataclasses import dataclass, field

import httpx

from tests.soak.questions import Question


@dataclass
class Watched:
    """An answer in a browser: what it shows, and since when there were words, or all."""

    question: Question
    turn: str
    text: str = ""
    words_at: float | None = None
    done_at: float | None = None
    is_final: bool = False


@dataclass
class Browser:
    """A browser and its chats, by thread."""

    http: httpx.AsyncClient
    chats: dict[int, str] = field(default_factory=dict)
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
