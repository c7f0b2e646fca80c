"""The parent's side of the process that converts one file; child.py is the other side.

Nothing that comes from the process is believed: it may have been taken over by the file that it read.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from weakref import WeakKeyDictionary

from glados_bots.attachments.contents import Contents, refused
from glados_bots.attachments.limits import ENOUGH_S, LONGEST_SIDE, MB, MOST_CHARACTERS, MOST_PAGES_SEEN
from glados_bots.attachments.sniffing import Kind
from glados_bots.wording.sentence import Sentence, say

log = logging.getLogger(__name__)

LONGEST_S = 5.0  # from its start to its end; limits.py bounds its time on the processor
LAST_S = LONGEST_S - ENOUGH_S  # for what a converter does after its last page
FAREWELL_S = 1.0  # for the pipes of a process that was killed
AT_ONCE = 2  # per process of ours; more would take the processor and memory of answers
MOST_OUTPUT = 32 * MB
LONGEST_FORMAT = 10  # characters of a format's name in a sentence
KEPT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "LANG", "LC_ALL")  # none of our tokens
TOO_SLOW, DAMAGED, TOO_COMPLEX = say("file-too-slow"), say("file-damaged"), say("file-too-complex")
_ENDS: dict[int, Sentence] = {signal.SIGXCPU: TOO_SLOW, signal.SIGABRT: TOO_COMPLEX, signal.SIGKILL: TOO_COMPLEX}
_slots: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = WeakKeyDictionary()


async def converted(kind: Kind, content: bytes) -> tuple[Contents, str]:
    """What a file holds, or a refusal; and a word for the log that says how it went.

    Cancelling it ends the process.
    """
    async with _slot():
        try:
            async with asyncio.timeout(LONGEST_S), _process(kind) as process:
                output = await _exchanged(process, content)
                code = await process.wait()
        except TimeoutError:
            return refused(TOO_SLOW), "timeout"
    if code:
        return refused(_ENDS.get(-code, DAMAGED)), f"code {code}"
    try:
        return _believed(output)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return refused(DAMAGED), f"nonsense, {type(error).__name__}"


@asynccontextmanager
async def _slot() -> AsyncIterator[None]:
    """Wait for one of the AT_ONCE places of this event loop."""
    loop = asyncio.get_running_loop()
    async with _slots.setdefault(loop, asyncio.Semaphore(AT_ONCE)):
        yield


@asynccontextmanager
async def _process(kind: Kind) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with no secret in its environment, which does not outlive this context.

    Nor do processes that it has started, as it may under root, unless they left its session. Nobody waits for those.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "glados_bots.attachments.child", kind, str(LONGEST_S - LAST_S),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in KEPT if name in os.environ}, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        try:
            async with asyncio.timeout(FAREWELL_S):
                await process.communicate()  # its pipes must be empty before it counts as ended
        except TimeoutError:
            process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001 - nothing public closes its pipes


async def _exchanged(process: asyncio.subprocess.Process, content: bytes) -> bytes:
    """Send the file, and read the answer: at most MOST_OUTPUT bytes of it."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise AssertionError("both are pipes")
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended early, and its code says why
        stdin.write(content)
        await stdin.drain()
        stdin.close()
    output = bytearray()
    while piece := await stdout.read(MB):
        if len(output) <= MOST_OUTPUT < len(output) + len(piece):
            process.kill()  # once: what it wrote until then still comes
        output += piece if len(output) <= MOST_OUTPUT else b""
    return bytes(output)


def _believed(output: bytes) -> tuple[Contents, str]:
    """The child's answer. Raises ValueError, TypeError, KeyError or AttributeError if it is none."""
    data, why = json.loads(output)
    contents = Contents.from_json(data)
    contents.text.encode()
    _expect(len(contents.text) <= MOST_CHARACTERS and len(contents.pictures) <= MOST_PAGES_SEEN)
    _expect(bool(contents.text or contents.pictures) != bool(contents.refusal))
    _expect(why == "" or why.isidentifier())
    for picture in contents.pictures:
        b64decode(picture.data, validate=True)
        _expect(picture.kind in {"image/jpeg", "image/png"})
        _expect(1 <= picture.width <= LONGEST_SIDE and 1 <= picture.height <= LONGEST_SIDE)
    for sentence in filter(None, (contents.partly, contents.refusal)):
        _check(sentence)
    return contents, why


def _check(sentence: Sentence) -> None:
    """Only our sentences about files, with numbers, names of formats, and each other in them."""
    _expect(sentence.name.startswith("file-"))
    for value in sentence.values.values():
        if isinstance(value, Sentence):
            _check(value)
        else:
            _expect(isinstance(value, int) or (isinstance(value, str) and len(value) <= LONGEST_FORMAT))
    str(sentence)


def _expect(is_so: bool) -> None:
    if not is_so:
        raise ValueError("the process that converts files lies")
