"""The output of a child process, as lines."""

import asyncio
import re
import time
from collections.abc import AsyncIterator

PROGRESS_S = 5.0
LONGEST_LINE = 2**20  # bytes
ENDS = re.compile(rb"(\r?\n|\r(?!\Z))")  # a \r at the end of a piece may be the first half of \r\n


async def lines(output: asyncio.StreamReader) -> AsyncIterator[str]:
    """The lines of a child. Of a progress bar, yield one line per PROGRESS_S seconds and its last state."""
    rest, drawn = b"", -PROGRESS_S
    while piece := await output.read(2**16):
        *whole, rest = ENDS.split(rest + piece)
        for text, end in zip(whole[::2], whole[1::2], strict=True):
            line = text.decode(errors="replace").rstrip()
            if not line or (end == b"\r" and time.monotonic() - drawn < PROGRESS_S):
                continue
            if end == b"\r":
                drawn = time.monotonic()
            yield line
        if len(rest) > LONGEST_LINE:
            yield rest[:LONGEST_LINE].decode(errors="replace")
            rest = b""
    if rest:
        yield rest.decode(errors="replace").rstrip()
