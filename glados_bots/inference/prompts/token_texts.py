"""The bytes of a single token. Decoding one alone would lose spaces at its beginning, and parts of characters."""

import json
import re
from functools import cached_property
from typing import Any

BYTE = re.compile(r"<0x([0-9A-F]{2})>\Z")  # how SentencePiece writes a token of one byte
SPACE = "\u2581"  # how it writes a space


class TokenTexts:
    """The bytes of each token of a tokenizer of transformers."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def of(self, token: int) -> bytes:
        """The token's bytes. A control token has its name; a number that is no token has none."""
        if token in self._tokenizer.added_tokens_decoder:
            return str(self._tokenizer.added_tokens_decoder[token].content).encode()
        piece = self._tokenizer.convert_ids_to_tokens(token)
        if piece is None:
            return b""
        if self._is_of_bytes:
            return bytes(_BYTES[character] for character in piece if character in _BYTES)
        if found := BYTE.match(piece):
            return bytes([int(found[1], 16)])
        if self._has_spaces:
            return str(piece).replace(SPACE, " ").encode()
        return str(self._tokenizer.decode([token])).encode()

    @cached_property
    def _is_of_bytes(self) -> bool:
        """Whether its pieces spell bytes as GPT-2's do."""
        return "ByteLevel" in self._decoder

    @cached_property
    def _has_spaces(self) -> bool:
        return SPACE in self._decoder or "Metaspace" in self._decoder

    @property
    def _decoder(self) -> str:
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        found = json.loads(backend.to_str()) if backend is not None else {}
        return json.dumps([found.get("decoder"), found.get("pre_tokenizer")], ensure_ascii=False)


def _characters() -> dict[str, int]:
    """GPT-2's alphabet of bytes: the printable ones stand for themselves, the others follow from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


_BYTES = _characters()
