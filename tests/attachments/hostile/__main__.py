"""Reads all hostile files, two at a time, and prints what came of them as JSON.

It is a process of its own, so that the memory of its children is that of the converters alone.
"""

import asyncio
import json
import resource

from glados_bots.attachments import child_process
from glados_bots.attachments.fitting import fitted
from glados_bots.attachments.reading import read
from tests.attachments import making
from tests.attachments.hostile import FILES

child_process.LONGEST_S = 120.0  # a busy machine makes no file too slow: the time on the processor is bounded, too


async def main() -> None:
    found = await asyncio.gather(*(read(content, name, "") for name, content, _ in FILES))
    files = list(zip([name for name, _, _ in FILES], found, strict=True))
    good = await read(making.docx(making.paragraph("the next file")), "next.docx", "")
    results = {
        "allowed": [sorted(refusals) for _, _, refusals in FILES],
        "files": [[name, one.refusal.name, one.text[:500_000], len(one.pictures)] for name, one in files],
        "prompts": [fitted([file], 9_000, 8).text for file in files],
        "next": good.text,
        "most_kb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
    }
    print(json.dumps(results))  # noqa: T201 - for the test


asyncio.run(main())
