"""The service's side of the process that renders chat templates. jinja_child.py says why it is a separate process."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import finalize

from glados_bots.errors import GenerationFailedError, PromptRefusedError

log = logging.getLogger(__name__)

CHILD = Path(__file__).with_name("jinja_child.py")
KEPT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "TZ", "LANG", "LC_ALL")  # none of our tokens
TRIES = 2  # a child that was killed from outside is replaced


class JinjaProcess:
    """One child process, started on demand and again after its death. Several threads may call `render`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None

    def render(self, template: str, variables: dict[str, Any]) -> str:
        """The rendered template. Blocks for as many seconds of processor time as a rendering may take.

        Raises:
            PromptRefusedError: the template refuses these messages, has an error, or does not end.
            GenerationFailedError: the child was killed from outside.
        """
        request = json.dumps({"template": template, "variables": variables}) + "\n"
        with self._lock:
            answer = next(filter(None, (self._ask(request) for _ in range(TRIES))), None)
        if answer is None:
            raise GenerationFailedError("the process that renders prompts was killed; ask again")
        if "refused" in answer:
            raise PromptRefusedError(answer["refused"])
        return str(answer["text"])

    def _ask(self, request: str) -> dict[str, str] | None:
        """The child's answer to one request; None if the child has died."""
        child = self._child = self._child or _started(self)
        try:
            child.stdin.write(request)  # type: ignore[union-attr] # they are pipes here
            child.stdin.flush()  # type: ignore[union-attr]
            line = child.stdout.readline()  # type: ignore[union-attr]
        except BrokenPipeError:
            line = ""
        if line.endswith("\n"):
            return dict(json.loads(line))
        self._child = None
        code = _ended(child)
        log.warning("the process that renders prompts ended with code %d; the next prompt starts a new one", code)
        if code == -signal.SIGXCPU:
            raise PromptRefusedError("the template does not end with these messages")
        return None


@lru_cache(maxsize=1)
def shared() -> JinjaProcess:
    return JinjaProcess()


def _started(owner: JinjaProcess) -> subprocess.Popen[str]:
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    child = subprocess.Popen(
        [sys.executable, "-P", str(CHILD)],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    finalize(owner, _ended, child)
    return child


def _ended(child: subprocess.Popen[str]) -> int:
    """End the child if it is alive; returns its exit status."""
    for pipe in (child.stdin, child.stdout):
        try:
            pipe.close()  # type: ignore[union-attr]
        except BrokenPipeError:
            continue
    return child.wait()
