"""What counts as a picture, and what is refused before it is decoded."""

import base64
import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from glados_bots.conversation import Picture
from glados_bots.errors import PictureRefusedError
from glados_bots.inference.pictures.bounds import MOST_BYTES, MOST_KEPT_PIXELS
from glados_bots.inference.pictures.decoding import checked, from_data_url, pixels
from tests.inference.pictures.draw import data_url, drawn


def png(width: int, height: int, *, data: bytes = b"") -> bytes:
    """A PNG whose header promises this size, in black and white."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def saved(kind: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (9, 9)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "I;16"), ("JPEG", "CMYK"), ("WEBP", "RGB"), ("GIF", "P")]
)
def test_each_of_the_four_kinds_is_known_by_its_bytes(kind: str, mode: str) -> None:
    image = Image.new("RGB", (40, 30), "red").convert("L" if mode == "I;16" else mode).convert(mode)
    file = BytesIO()
    image.save(file, kind)
    found = checked(from_data_url(data_url(file.getvalue(), "text/html")))
    assert (found.kind, found.width, found.height) == (f"image/{kind.lower()}", 40, 30)
    assert (pixels(found).mode, pixels(found).size) == ("RGB", (40, 30))


BAD = {
    "nothing": b"",
    "text": b"hello",
    "a PDF": b"%PDF-1.7\n%%EOF",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "a TIFF": saved("TIFF"),
    "a BMP": saved("BMP"),
    "an ICO": saved("ICO"),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "only a header": drawn(1)[:33],
    "half a PNG": drawn(1)[:2000],
    "half a JPEG": drawn(1, 200, 200, "JPEG")[:3000],
    "half a WebP": drawn(1, 200, 200, "WEBP")[:3000],
    "half a GIF": drawn(1, 200, 200, "GIF", "P")[:3000],
    "a PNG without data": png(10, 10),
    "13,000 x 13,000": png(13_000, 13_000, data=zlib.compress(bytes(1000))),
    "30,000 x 30,000": png(30_000, 30_000, data=zlib.compress(bytes(1000))),
    "a line of 2^31": png(2**31 - 1, 1),
    "too many bytes": b"\x89PNG" + bytes(MOST_BYTES),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_good_picture_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(PictureRefusedError, match=r"; (send a PNG, JPEG, WebP or GIF|make it smaller)"):
        checked(BAD[name])


@pytest.mark.parametrize(
    "url",
    ["", "data:", "data:image/png", "data:image/png;base64", "data:image/png,abc", "data:image/png;base64,@@@@",
     "data:image/png;base64,abc", "data:;base64,\u00e9"],
)  # fmt: skip
def test_a_data_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(PictureRefusedError, match="data URL"):
        from_data_url(url)


def test_a_data_url_is_measured_before_it_is_decoded() -> None:
    with pytest.raises(PictureRefusedError, match="at most 20 MiB"):
        from_data_url("data:image/png;base64," + "A" * (MOST_BYTES * 2))


def test_a_picture_is_seen_upright_on_white_and_not_larger_than_any_model_takes() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    for kind, mode in (("JPEG", "RGB"), ("PNG", "RGBA"), ("WEBP", "RGBA")):
        assert pixels(seen(drawn(1, 40, 30, kind, mode, exif=exif))).size == (30, 40)
    file = BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(file, "PNG")
    assert pixels(seen(file.getvalue())).getpixel((0, 0)) == (255, 255, 255)
    for mode in ("L", "1", "P"):
        file = BytesIO()
        Image.new(mode, (6000, 3000)).save(file, "PNG")
        shrunk = pixels(checked(file.getvalue()))
        assert shrunk.width * shrunk.height <= MOST_KEPT_PIXELS
        assert shrunk.width == 2 * shrunk.height


def seen(content: bytes) -> Picture:
    found = checked(content)
    assert base64.b64decode(found.data) == content
    return found


def test_a_very_large_picture_is_kept_shrunk_so_that_nobody_decodes_it_twice_and_others_are_kept_as_they_came() -> None:
    file = BytesIO()
    Image.linear_gradient("L").resize((4000, 3000)).save(file, "PNG")
    large = checked(file.getvalue())
    assert (large.width, large.height, large.kind) == (4000, 3000, "image/jpeg")
    with Image.open(BytesIO(base64.b64decode(large.data))) as kept:
        assert kept.width * kept.height <= MOST_KEPT_PIXELS
    small = drawn(1, 40, 30)
    assert base64.b64decode(checked(small).data) == small


def test_a_photo_of_a_phone_with_a_further_picture_in_it_is_a_jpeg() -> None:
    file = BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (20, 15))])
    photo = checked(file.getvalue())
    assert (photo.kind, pixels(photo).size) == ("image/jpeg", (40, 30))
