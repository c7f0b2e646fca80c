"""The format of a backup's lines, and the check whether Redis can take all of them. See backup.py."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from glados_bots.errors import ConfigError
from glados_bots.operations.audit import KEY as AUDIT
from glados_bots.store.version import DATA_VERSION

FORMAT = "glados-backup"
VERSION = 1
DAMAGED = "the backup is damaged, use another one"
PAIR = 2  # length of [member, score] in a sorted set and of [id, fields] in a stream
OUR_KEY = re.compile(rf"glados:\{{[^{{}}]+\}}:.+|{re.escape(AUDIT)}", re.DOTALL)
STREAM_ID = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")
LARGEST = 1e300  # largest score
LATEST = 1e11  # seconds since 1970; Redis stores milliseconds in 63 bits


def parse(text: Iterable[str]) -> tuple[int, list[dict[str, Any]]]:
    """(data version, entries) of a backup. Raises ConfigError that names the first wrong line."""
    head, *rest = _objects(text) or [{}]
    if head.get("format") != FORMAT:
        raise ConfigError("line 1: not a backup of GLaDOS; name a file that `glados backup` wrote")
    if head.get("version") != VERSION or head.get("data_version") not in range(1, DATA_VERSION + 1):
        raise ConfigError(
            f"line 1: this backup has version {head.get('version')}, data format {head.get('data_version')}; "
            f"this GLaDOS reads version {VERSION}, formats 1 to {DATA_VERSION}: use the version that wrote it or newer"
        )
    if not rest or rest[-1] != {"end": len(rest) - 1}:
        raise ConfigError(
            f"line {len(rest) + 1}: the backup is incomplete, as its last line is missing; use another one"
        )
    seen: set[str] = set()
    for number, entry in enumerate(rest[:-1], start=2):
        _check(number, entry)
        if entry["key"] in seen:
            raise ConfigError(f"line {number}: {entry['key'][:80]!r} appears a second time; {DAMAGED}")
        seen.add(entry["key"])
    return int(head["data_version"]), rest[:-1]


def _objects(text: Iterable[str]) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(text, start=1):
        try:
            value = json.loads(line, parse_constant=_no_number)
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"line {number}: not JSON ({error}); {DAMAGED}") from error
        if not isinstance(value, dict):
            raise ConfigError(f"line {number}: not a JSON object; {DAMAGED}")
        found.append(value)
    return found


def _check(number: int, entry: dict[str, Any]) -> None:
    kind, key, expires = entry.get("type"), entry.get("key"), entry.get("expires_at")
    if not isinstance(key, str) or not OUR_KEY.fullmatch(key) or not _has_shape(kind, entry.get("value")):
        raise ConfigError(f"line {number}: {str(key)[:80]!r} of type {kind!r} does not belong in a backup; {DAMAGED}")
    if expires is not None and not (_is_number(expires) and 0 <= expires <= LATEST):
        raise ConfigError(f"line {number}: expires_at must be seconds since the epoch, or null; {DAMAGED}")


def _has_shape(kind: Any, value: Any) -> bool:
    """Whether WRITERS can write a value of this type; Redis has no empty lists."""
    match kind, value:
        case "string", str():
            return True
        case "list" | "set", [_, *_]:
            return all(isinstance(each, str) for each in value)
        case "hash", dict():
            return bool(value) and all(isinstance(each, str) for each in value.values())
        case "zset", [_, *_]:
            return all(
                isinstance(each, list) and len(each) == PAIR and isinstance(each[0], str) and _is_number(each[1])
                for each in value
            )
        case "stream", [_, *_]:
            pairs = [each if isinstance(each, list) and len(each) == PAIR else ("", None) for each in value]
            return _are_in_order([name for name, _ in pairs]) and all(_has_shape("hash", each) for _, each in pairs)
    return False


def _are_in_order(ids: Sequence[Any]) -> bool:
    """Whether Redis accepts these ids in one stream: all above 0-0, and each above the one before."""
    found = [STREAM_ID.fullmatch(each) if isinstance(each, str) else None for each in ids]
    numbers = [(int(each[1]), int(each[2])) for each in found if each]
    return len(numbers) == len(ids) and all(a < b for a, b in zip([(0, 0), *numbers], numbers, strict=False))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")
