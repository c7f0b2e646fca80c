"""`make pictures`: ask on Discord, on Slack and on the page, and write what they show into docs/pictures."""

import asyncio
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.conftest import running_store, store_command
from tests.pictures.browser import FONTS
from tests.pictures.taking import take

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
COLOURS = 128  # of a picture; its text looks the same with more


def main() -> None:
    """Take all pictures, and say how large each is. Raises SystemExit where the fonts are not installed."""
    if not FONTS.exists():
        sys.exit("The fonts are not installed; `make pictures` installs them")
    with tempfile.TemporaryDirectory() as folder, running_store(store_command("valkey", Path(folder))) as url:
        taken = asyncio.run(take(url))
    for name, png in taken.items():
        path = PICTURES / f"{name}.webp"
        _write(path, png)
        sys.stdout.write(f"docs/pictures/{path.name}: {path.stat().st_size / 1000:.0f} kB\n")


def _write(path: Path, png: bytes) -> None:
    """Write a picture in few colours, with clear corners."""
    drawn = Image.open(io.BytesIO(png)).convert("RGBA")
    flat = drawn.convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    small = flat.convert("RGB")
    small.putalpha(drawn.getchannel("A"))
    small.save(path, lossless=True, quality=100, method=6)


if __name__ == "__main__":
    main()
