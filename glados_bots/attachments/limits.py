"""What a process that converts a file may use. The parent sets the clock, and the child all else."""

import os
import resource
from contextlib import suppress
from pathlib import Path

MB = 2**20
MOST_MEMORY = 400 * MB  # of address space, so the process never holds more than this in memory
MOST_CPU_S = 5
MOST_CHARACTERS = 400_000  # of one file's words; about 100,000 tokens
MOST_UNPACKED = 200 * MB  # of all files in a zip together, as its directory announces them
MOST_PARTS = 10_000  # in a zip
MOST_PIXELS = 50_000_000  # of a picture
LONGEST_SIDE = 1_568  # pixels of a picture for a model; the processors of today's models take no more
MOST_PAGES_SEEN = 8  # of a PDF without text
ENOUGH_S = 3.0  # of the processor or by the clock: then a converter that goes page by page says how far it came
NOBODY = 65_534  # user and group in place of root, so that it can start no process and signal none of ours


def bound() -> None:
    """Bind this process, for good: memory, time, no file written, no process started, no core dumped."""
    with suppress(OSError):  # of a machine without it
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")  # where memory is short, this one goes
    for kind, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),  # root may start some anyway
    ):
        resource.setrlimit(kind, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S + 1))  # its first signal says why, its second kills


def close_doors() -> None:
    """From here on the process opens neither files nor sockets. The three that it has stay open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    if os.getuid() == 0:
        with suppress(OSError):  # a container may not know that user; then the process stays root
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
