"""Bombs of pixels, and pictures that lie about themselves."""

import io
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.attachments import making
from tests.attachments.hostile.documents import zeros

File = tuple[str, bytes, set[str]]
PIXELS = {"file-too-many-pixels"}


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))


def png(width: int, height: int, *chunks: bytes, colours: int = 2) -> bytes:
    header = struct.pack(">LLBBBBB", width, height, 8, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def pngs() -> Iterator[File]:
    bomb = zeros()
    pixels = chunk(b"IDAT", bomb)
    yield "30000.png", png(30_000, 30_000, pixels), PIXELS
    yield "13000.png", png(13_000, 13_000, pixels), PIXELS
    yield "most.png", png(2**31 - 1, 2**31 - 1, pixels), set()
    yield "just-within.png", png(7_071, 7_071, pixels), set()
    yield "with-transparency.png", png(7_071, 7_071, pixels, colours=6), set()
    yield "wide.png", png(49_000_000, 1, pixels), set()
    yield "none.png", png(0, 0, pixels), set()
    small = chunk(b"IDAT", zlib.compress(bytes(30)))
    yield "too-few-pixels.png", png(5_000, 5_000, small), set()
    yield "more-pixels.png", png(3, 3, pixels), set()
    yield "text.png", png(3, 3, chunk(b"zTXt", b"a\0\0" + bomb), small), set()
    yield "international.png", png(3, 3, chunk(b"iTXt", b"a\0\1\0\0\0" + bomb), small), set()
    yield "profile.png", png(3, 3, chunk(b"iCCP", b"a\0\0" + bomb), small), set()
    yield "chunks.png", png(3, 3, *[chunk(b"tEXt", b"a\0b")] * 100_000, small), set()
    yield "length.png", b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xffIHDR" + bytes(99), set()


def others() -> Iterator[File]:
    gif = making.picture("GIF")
    yield "wide.gif", gif[:6] + b"\xff\xff\xff\xff" + gif[10:], PIXELS
    file = io.BytesIO()
    frames = [Image.new("P", (9, 9), number % 255) for number in range(500)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    yield "frames.gif", file.getvalue(), set()
    jpeg = making.picture("JPEG")
    place = jpeg.find(b"\xff\xc0") + 5
    yield "wide.jpeg", jpeg[:place] + b"\xff\xff\xff\xff" + jpeg[place + 4 :], PIXELS
    yield "noise.jpeg", jpeg[: len(jpeg) // 2] + bytes(range(256)) * 500, set()
    bmp = making.picture("BMP")
    yield "wide.bmp", bmp[:18] + struct.pack("<LL", 2**30, 2**30) + bmp[26:], PIXELS
    yield "loop.tiff", b"II*\0\x08\0\0\0" + b"\0\0" + b"\x08\0\0\0", set()
    tiff = making.picture("TIFF")
    yield "loops.tiff", tiff.replace(b"\0\0\0\0", tiff[4:8]), set()
    webp = making.picture("WEBP", mode="RGBA")
    yield "16384.webp", webp[:24] + b"\xff\x3f\x00" * 2 + webp[30:], set()
    yield "boxes.avif", b"\0\0\0\x1cftypavif" + b"\0\0\0\x08meta" * 50_000, set()


def files() -> Iterator[File]:
    yield from pngs()
    yield from others()
