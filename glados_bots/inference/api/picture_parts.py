"""The pictures of a request: the parts that name them, and their bytes, checked one after the other."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from glados_bots.conversation import Message, Picture
from glados_bots.errors import PictureRefusedError
from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.pictures import decoding
from glados_bots.inference.pictures.bounds import MOST_PICTURES, MOST_PIXELS_TOGETHER
from glados_bots.inference.pictures.fetching import PictureFetcher

DETAILS = (None, "auto", "low", "high")  # OpenAI's; a picture always gets as many tokens as the model takes
FORM = 'a picture must be {"type": "image_url", "image_url": {"url": "data:image/png;base64,..."}}'
NOT_FETCHED = "this service reads only data URLs (data:image/png;base64,...); GLADOS_FETCH_PICTURES allows http(s)"


def is_picture(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "image_url"


def address(part: dict[str, Any]) -> str:
    """The URL in a part. Raises ValueError if the part has another form."""
    inside = part.get("image_url")
    url = inside.get("url") if isinstance(inside, dict) else None
    if not isinstance(inside, dict) or not isinstance(url, str) or set(part) - {"type", "image_url", "cache_control"}:
        raise ValueError(FORM)
    if set(inside) - {"url", "detail"} or inside.get("detail") not in DETAILS:
        raise ValueError('image_url has the fields url and detail, and detail is "auto", "low" or "high"')
    return url


@dataclass(frozen=True, slots=True)
class PicturePart:
    """A part of a request that names a picture."""

    message: int  # the index of the message, as the engine gets it, that shows it
    place: str  # in the request, such as `messages.0.content.1.image_url`
    url: str


class PictureReader:
    """Reads the pictures of requests. Args: fetcher: None if http(s) addresses are not allowed.

    One thread of its own decodes them, one after the other. So they take the memory of one, and other requests never
    wait for a thread.
    """

    def __init__(self, fetcher: PictureFetcher | None) -> None:
        self._fetcher = fetcher
        self._thread = ThreadPoolExecutor(1, "pictures")

    async def read(self, messages: Sequence[Message], parts: Sequence[PicturePart]) -> list[Message]:
        """The messages with their pictures.

        Args:
            messages: without pictures.
            parts: those of all messages, in order.

        Raises:
            ApiError: a picture cannot be read; the error names its place.
        """
        if len(parts) > MOST_PICTURES:
            raise ApiError(400, "invalid_value", f"messages: at most {MOST_PICTURES} pictures", param="messages")
        found: dict[int, list[Picture]] = {}
        for part in parts:
            place = part.place
            try:
                picture = await self._read(part.url)
            except PictureRefusedError as error:
                raise ApiError(400, "invalid_image", f"{place}: {error}", param=place) from error
            found.setdefault(part.message, []).append(picture)
            if sum(one.width * one.height for pictures in found.values() for one in pictures) > MOST_PIXELS_TOGETHER:
                text = f"{place}: the pictures may have {MOST_PIXELS_TOGETHER // 10**6} million pixels together"
                raise ApiError(400, "invalid_image", f"{text}; send fewer or smaller ones", param=place)
        return [replace(message, pictures=tuple(found.get(index, ()))) for index, message in enumerate(messages)]

    async def _read(self, url: str) -> Picture:
        loop = asyncio.get_running_loop()
        if url[:5].lower() == "data:":
            content = await loop.run_in_executor(self._thread, decoding.from_data_url, url)
        elif self._fetcher is None:
            raise PictureRefusedError(NOT_FETCHED)
        else:
            content = await self._fetcher.fetch(url)
        return await loop.run_in_executor(self._thread, decoding.checked, content)
