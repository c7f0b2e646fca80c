"""Draws the page's icon as PNG files, for home screens and docks: `python -m tests.pictures.icons`.

A maskable icon fills its square, because the system cuts it to a shape of its own. What matters stays within the inner
80 % (https://www.w3.org/TR/appmanifest/#icon-masks).
"""

import asyncio
import io
from pathlib import Path

from PIL import Image

from tests.pictures.browser import window

STATIC = Path(__file__).parents[2] / "adapters/glados_web/static"
GROUNDS = {"icon": "transparent", "maskable": "#20262e"}  # the second is the colour of the icon's own ground
SIZES = (192, 512)
COLOURS = 32
PAGE = "<style>body {{ margin: 0; background: {ground}; }} svg {{ display: block; width: 100vw; }}</style>{svg}"


async def draw() -> None:
    svg = (STATIC / "icon.svg").read_text(encoding="utf-8")
    for size in SIZES:
        async with window(size // 2, size // 2) as page:
            for name, ground in GROUNDS.items():
                await page.set_content(PAGE.format(ground=ground, svg=svg))
                drawn = Image.open(io.BytesIO(await page.screenshot(omit_background=True)))
                path = STATIC / "icons" / f"{name}-{size}.png"
                drawn.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(path, optimize=True)


if __name__ == "__main__":
    asyncio.run(draw())
