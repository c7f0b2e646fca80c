"""The process that renders chat templates, as the service sees it. See jinja_child.py for why there is one."""

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
TRIES = 2  # a process that was killed from outside is replaced


class JinjaProcess:
    """One child, started when it is needed and when it has died. Its method may be called from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None

    def render(self, template: str, variables: dict[str, Any]) -> str:
        """The template's text. Blocks for the seconds of processor time that a rendering may take.

        Raises:
            PromptRefusedError: the template refuses these messages, is not right, or does not come to an end.
            GenerationFailedError: the process was killed from outside.
        """
        request = json.dumps({"template": template, "variables": variables}) + "\n"
        with self._lock:
            answer = next(filter(None, (self._ask(request) for _ in range(TRIES))), None)
        if answer is None:
            raise GenerationFailedError("the process that writes prompts was killed; ask again")
        if "refused" in answer:
            raise PromptRefusedError(answer["refused"])
        return str(answer["text"])

    def _ask(self, request: str) -> dict[str, str] | None:
        """One request to the child, or None when it has died."""
        child = self._child = self._child or _started(self)
        try:
            child.stdin.write(request)  # type: ignore[union-attr] # they are pipes
            child.stdin.flush()  # type: ignore[union-attr]
            line = child.stdout.readline()  # type: ignore[union-attr]
        except BrokenPipeError:
            line = ""
        if line.endswith("\n"):
            return dict(json.loads(line))
        self._child = None
        code = _ended(child)
        log.warning("the process that writes prompts ended with code %d", code)
        if code == -signal.SIGXCPU:
            raise PromptRefusedError("it does not come to an end with these messages")
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
    """End it, if it lives; returns its exit status."""
    for pipe in (child.stdin, child.stdout):
        try:
            pipe.close()  # type: ignore[union-attr]
        except BrokenPipeError:
            continue
    return child.wait()
