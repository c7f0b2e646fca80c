"""Makes pixels of a picture's bytes. Anybody may have made them, so four formats are read, and pixels are bounded.

Pillow knows forty formats, and finds the right one itself. Here it may try those four only. It learns the size from the
header, before it decodes anything.
"""

import base64
import binascii
import math
import threading
from contextlib import nullcontext
from io import BytesIO

from PIL import Image, ImageOps

from glados_bots.conversation import Picture
from glados_bots.errors import PictureRefusedError
from glados_bots.inference.pictures.bounds import MOST_BYTES, MOST_KEPT_PIXELS, MOST_PIXELS

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
KINDS["MPO"] = KINDS["JPEG"]  # Pillow's name for a JPEG with a further picture in it, as many phones take
REMEDY = "send a PNG, JPEG, WebP or GIF"
AVERAGED = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)

_one_at_a_time = threading.Lock()  # for large ones: the largest takes some hundred MB while it is decoded


def from_data_url(url: str) -> bytes:
    """The bytes in `data:image/png;base64,...`; the media type in it does not matter. Raises PictureRefusedError."""
    head, comma, data = url.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise PictureRefusedError("the data URL must have the form data:image/png;base64,...")
    if len(data) > MOST_BYTES * 4 // 3 + 4:
        raise _too_many_bytes()
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureRefusedError("the data URL is not valid base64; encode the file again") from error


def checked(content: bytes) -> Picture:
    """The picture in these bytes, which has been decoded once. Blocks. Raises PictureRefusedError with the remedy.

    A very large one is kept shrunk, with the width and height that it had: to decode it takes seconds, and the thread
    that writes answers decodes it again.
    """
    image, kind, size = _decoded(content)
    if image.width * image.height < size[0] * size[1]:
        file = BytesIO()
        image.save(file, "JPEG", quality=95, subsampling=0)
        content, kind = file.getvalue(), "image/jpeg"
    return Picture(base64.b64encode(content).decode("ascii"), kind, *size)


def pixels(picture: Picture) -> Image.Image:
    """The picture as a person sees it: RGB, upright, the first frame, on white; a very large one is shrunk.

    Blocks. Raises PictureRefusedError.
    """
    return _decoded(base64.b64decode(picture.data))[0]


def gray() -> Picture:
    """A small picture without anything on it, to try a model."""
    file = BytesIO()
    Image.new("RGB", (97, 61), "gray").save(file, "PNG")
    return checked(file.getvalue())


def _decoded(content: bytes) -> tuple[Image.Image, str, tuple[int, int]]:
    """(pixels, media type, width and height in the file)."""
    if len(content) > MOST_BYTES:
        raise _too_many_bytes()
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            _require_bounded(image)
            size = image.size
            is_large = size[0] * size[1] > MOST_KEPT_PIXELS
            with _one_at_a_time if is_large else nullcontext():
                image.load()
                upright = _shrunk(_on_white(ImageOps.exif_transpose(_shrunk(image))))
            return upright, KINDS[str(image.format)], size
    except PictureRefusedError:
        raise
    except BOMB as error:
        raise _too_many_pixels() from error
    except Image.UnidentifiedImageError as error:
        raise PictureRefusedError(f"these bytes are no picture; {REMEDY}") from error
    except Exception as error:  # Pillow's readers raise anything for bytes that are damaged or hostile
        raise PictureRefusedError(f"this picture is damaged; {REMEDY} that opens") from error


def _require_bounded(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise _too_many_pixels()


def _shrunk(image: Image.Image) -> Image.Image:
    """An image of at most MOST_KEPT_PIXELS, unless its mode has no average of two pixels."""
    excess = image.width * image.height / MOST_KEPT_PIXELS
    return image.reduce(math.ceil(math.sqrt(excess))) if excess > 1 and image.mode in AVERAGED else image


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def _too_many_bytes() -> PictureRefusedError:
    return PictureRefusedError(f"a picture may have at most {MOST_BYTES // 2**20} MiB; make it smaller")


def _too_many_pixels() -> PictureRefusedError:
    return PictureRefusedError(f"a picture may have at most {MOST_PIXELS // 10**6} million pixels; make it smaller")
