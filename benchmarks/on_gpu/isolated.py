"""Runs each case in a process of its own, so that a crash, a hang or a full GPU spoils no other case.

The processes are forked from a server that has imported torch and never used it: they start at once, and each has a
CUDA context of its own.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar, cast

from benchmarks.on_gpu.report import Case, LeftOutError, Measured, Missed, Row

T = TypeVar("T")
IMPORTS = ["glados_bots.inference.transformers_engine.engine", "peft", "transformers.models.llama.modeling_llama"]
END_S = 5.0  # a process with a result ends in this time, or is killed


class CaseError(RuntimeError):
    """What went wrong in the other process, in one line."""


def run_case(case: Case, patience_s: float) -> dict[str, Row]:
    """The rows of a case. Never raises for what happens inside the case."""
    try:
        found = in_own_process(case.run, patience_s)
    except LeftOutError as error:
        return {case.name: Missed(str(error), failed=False)}
    except CaseError as error:
        return {case.name: Missed(str(error))}
    return {case.name: found} if isinstance(found, Measured) else {**found}


def in_own_process(run: Callable[[], T], patience_s: float) -> T:
    """The result of `run`. Raises CaseError if it fails, ends its process or takes too long, or its LeftOutError."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTS)
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(run, there))
    process.start()
    there.close()
    try:
        found = _received(here, patience_s)
        process.join(END_S)
        return cast("T", found)
    except EOFError:
        process.join(END_S)
        raise CaseError(f"its process ended with code {process.exitcode}") from None
    finally:
        process.kill()  # threads may keep it alive, and so may a hang
        process.join()


def _received(here: Connection, patience_s: float) -> object:
    begun = time.monotonic()
    if not here.poll(patience_s):
        raise CaseError(f"no result after {time.monotonic() - begun:.0f} s; a higher --patience waits longer")
    kind, value = here.recv()
    if kind is not None:
        raise kind(value)
    return value


def _report(run: Callable[[], object], there: Connection) -> None:
    os.dup2(2, 1)  # the summary alone is for standard output
    try:
        there.send((None, run()))
    except LeftOutError as error:
        there.send((LeftOutError, str(error)))
    except Exception as error:  # noqa: BLE001 - whatever a case raises becomes a line of the summary
        text = " ".join(str(error).split())[:300]
        there.send((CaseError, f"{type(error).__name__}: {text}"))
