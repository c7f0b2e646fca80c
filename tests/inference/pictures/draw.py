"""Small pictures that differ from one another, and their data URLs."""

import base64
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from glados_bots.conversation import Picture


def drawn(seed: int, width: int = 40, height: int = 30, kind: str = "PNG", mode: str = "RGB", **how: Any) -> bytes:
    """A file whose pixels are drawn at random."""
    image = Image.frombytes("RGB", (width, height), np.random.default_rng(seed).bytes(3 * width * height))
    file = BytesIO()
    image.convert(mode).save(file, kind, **how)
    return file.getvalue()


def picture(seed: int, width: int = 40, height: int = 30) -> Picture:
    return Picture(base64.b64encode(drawn(seed, width, height)).decode(), "image/png", width, height)


def data_url(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def part(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}
