"""The process that converts one file: reads its bytes from stdin, and writes what they hold to stdout.

Files come from strangers, and libraries for them have holes. So each file gets a process of its own, without secrets
in its environment, within limits.py, and without a way to open a file or a socket once the file is looked at.
"""

import importlib
import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

from glados_bots.attachments import converters, limits
from glados_bots.attachments.contents import Contents, refused
from glados_bots.attachments.converters import RefusedError, cut
from glados_bots.wording.sentence import joined, say

Convert = Callable[[bytes], Contents]
MODULES = {
    "picture": "pictures",
    "pdf": "pdf",
    "rtf": "rtf",
    "html": "html",
    "mail": "mail",
    "text": "guessed",
}
CONTAINERS = {"zip": "zips", "ole": "ole"}  # their modules name the module for what is in them

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]")  # but those of colours in a terminal


def main() -> None:
    limits.bound()
    converters.stop_at = time.monotonic() + float(sys.argv[2])
    content = sys.stdin.buffer.read()
    contents, why = converted(sys.argv[1], content)
    sys.stdout.write(json.dumps([contents.to_json(), why]))


def converted(kind: str, content: bytes) -> tuple[Contents, str]:
    """What the file holds, and the name of the error if it could not be read."""
    try:
        convert = _converter(kind, content)
        limits.close_doors()
        return _tidy(convert(content)), ""
    except RefusedError as error:
        return refused(error.why), "refused"
    except (MemoryError, RecursionError) as error:
        return refused(say("file-too-complex")), type(error).__name__
    except Exception as error:  # noqa: BLE001 - of a damaged file, libraries raise whatever comes
        return refused(say("file-damaged")), type(error).__name__


def _converter(kind: str, content: bytes) -> Convert:
    """The function for a file, imported with all that it needs: later nothing can be imported."""
    name = MODULES.get(kind) or str(_module(CONTAINERS[kind]).inside(content))
    return _module(name).convert  # type: ignore[no-any-return]


def _module(name: str) -> Any:
    return importlib.import_module(f"glados_bots.attachments.converters.{name}")


def _tidy(contents: Contents) -> Contents:
    """Text that can be encoded, within its limit."""
    text = _CONTROLS.sub("", contents.text.encode("utf-8", "replace").decode()).strip()
    if not (text or contents.pictures):
        raise RefusedError(say("file-no-words"))
    text, partly = cut(text)
    return Contents(text=text, pictures=contents.pictures, partly=joined(contents.partly, partly, by="file-two-parts"))


if __name__ == "__main__":
    main()
