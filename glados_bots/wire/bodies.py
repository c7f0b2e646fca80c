"""Reads the bodies of responses that are no streams, within bounds."""

import httpx

LONGEST_BODY = 4 * 2**20  # bytes


async def content_of(response: httpx.Response) -> bytes:
    """The body. Reading stops after LONGEST_BODY bytes."""
    found = bytearray()
    async for piece in response.aiter_bytes():
        found += piece
        if len(found) > LONGEST_BODY:
            break
    return bytes(found)
