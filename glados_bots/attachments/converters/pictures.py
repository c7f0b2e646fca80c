"""Pictures, made small enough for a model. Of an animation the first frame is taken. Nothing of the metadata stays."""

import io
import warnings
from base64 import b64encode

from PIL import AvifImagePlugin, Image, ImageOps

from glados_bots.attachments.contents import Contents
from glados_bots.attachments.converters import RefusedError
from glados_bots.attachments.limits import LONGEST_SIDE, MOST_PIXELS
from glados_bots.conversation import Picture
from glados_bots.wording.sentence import say

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
JPEG_QUALITY = 88
MOST_BLENDED = 16_000_000  # pixels with transparency; Pillow copies them to shrink them, and memory is short
FEW_COLOURS = 4_096  # a drawing or a screenshot; a photo has more
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # at twice as many Pillow raises, before it decodes
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # no thread can be started here
Image.init()


def convert(content: bytes) -> Contents:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return Contents(pictures=(encoded(_shrunk(image)),))
    except Image.DecompressionBombError:
        raise RefusedError(say("file-too-many-pixels", most=MOST_PIXELS // 1_000_000)) from None


def encoded(image: Image.Image) -> Picture:
    """A picture as JPEG, or as PNG if it has few colours and is smaller so."""
    data, kind = _saved(image, "JPEG", quality=JPEG_QUALITY), "image/jpeg"
    if image.getcolors(FEW_COLOURS) and len(png := _saved(image, "PNG", optimize=True)) < len(data):
        data, kind = png, "image/png"
    return Picture(b64encode(data).decode(), kind, image.width, image.height)


def _shrunk(image: Image.Image) -> Image.Image:
    """At most LONGEST_SIDE pixels high and wide, upright, in RGB, on white."""
    if image.mode in ("P", "PA", "1"):  # a palette has no colours between its own
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.has_transparency_data and image.width * image.height > MOST_BLENDED:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.NEAREST)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits of grey
        image = image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _saved(image: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    Image.frombytes("RGB", image.size, image.tobytes()).save(file, kind, **options)  # the pixels, and nothing else
    return file.getvalue()
