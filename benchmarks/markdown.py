"""How fast answers are rendered, compared with other converters: `python benchmarks/markdown.py`.

Each peer renders the same 4 kB and 64 kB answers, all in one process. Peers take turns in each round, so that a busy
machine slows all of them alike; figures are medians. A stream gets the answer in pieces of 24 characters. The script
names and skips peers that are not installed.
"""

import gc
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "adapters")]

if TYPE_CHECKING:
    from glados_bots.markdown import Stream

PIECE = 24
SECTION = """\
## Setting up worker {n}

Sure! Here is **how** you can do that with `asyncio` and a [queue](https://docs.python.org/3/library/asyncio-queue.html):

1. Create the queue with `asyncio.Queue(maxsize={n})`.
2. Start **three** workers:
   - each takes an item,
   - works on it for a while,
   - and calls `task_done()`.
3. Wait for the queue to be *empty*.

```python
import asyncio

async def worker_{n}(queue: asyncio.Queue[int]) -> None:
    while True:
        item = await queue.get()
        print(item)
        queue.task_done()
```

| option | default | meaning |
|:--|:-:|--:|
| `maxsize` | 0 | how many items fit |
| `timeout` | none | seconds to wait |

> **Note:** an unbounded queue may grow without limit, and then the machine runs out of memory.

Finally, remember to cancel the workers when you are done. That way nothing is left running, and the program ends
cleanly. If one of them fails, the others go on; see https://docs.python.org/3/library/asyncio-task.html for more.

"""
Render = Callable[[str], object]


def answer(size: int) -> str:
    """An answer of about `size` characters."""
    text = ""
    while len(text) < size:
        text += SECTION.format(n=len(text))
    return text[:size]


def ours() -> dict[str, Render]:
    """Our renderers. Ours colours code in HTML, unlike the peers; it uses cached colours, as at the end of a stream."""
    discord, slack, web = (import_module(f"glados_{name}.answers.markdown") for name in ("discord", "slack", "web"))
    return {"discord": discord.render, "slack": slack.render, "slack blocks": slack.render_blocks, "html": web.render}


def streams() -> dict[str, Callable[[], "Stream[Any]"]]:
    """Our streams."""
    discord, slack, web = (import_module(f"glados_{name}.answers.markdown") for name in ("discord", "slack", "web"))
    return {"discord": discord.stream, "slack": slack.stream, "html": web.stream}


def peers() -> dict[str, Render]:
    """The other converters, called as their users call them, with tables switched on where that is an option."""
    found: dict[str, Render] = {}
    for name in ("slackify_markdown", "markdown_it", "mistune"):
        try:
            module = import_module(name)
        except ImportError:
            print(f"left out: {name} is not installed")
            continue
        if name == "slackify_markdown":
            found["slackify-markdown"] = module.slackify_markdown
        elif name == "markdown_it":
            found["markdown-it-py"] = module.MarkdownIt("commonmark").enable(["table", "strikethrough"]).render
        else:
            found["mistune"] = module.create_markdown(plugins=["table", "strikethrough", "task_lists", "url"])
    return found


def medians(renders: dict[str, Render], text: str, rounds: int, repeats: int = 1) -> dict[str, float]:
    """Median milliseconds of each renderer, measured in turn; each round is the mean of `repeats` runs."""
    times: dict[str, list[float]] = {name: [] for name in renders}
    for _ in range(rounds):
        for name, render in renders.items():
            gc.collect()  # each renderer pays only for its own garbage
            begin = time.perf_counter()
            for _ in range(repeats):
                render(text)
            times[name].append((time.perf_counter() - begin) * 1e3 / repeats)
    return {name: statistics.median(values) for name, values in times.items()}


def followed(start: Callable[[], "Stream[Any]"]) -> Render:
    """Render by streaming."""

    def run(text: str) -> object:
        stream = start()
        for place in range(0, len(text), PIECE):
            stream.feed(text[place : place + PIECE])
        return stream.close()

    return run


def main() -> None:
    """Measure and print."""
    small, large = answer(4096), answer(65536)
    mine, others = ours(), peers()
    for render in (*mine.values(), *others.values()):
        render(small)
    gc.collect()
    gc.freeze()  # keep imported modules out of the collections
    for size, text, rounds, repeats in (("4 kB", small, 11, 40), ("64 kB", large, 9, 1)):
        found = medians({**mine, **others}, text, rounds, repeats)
        print(f"\nwhole, {size}: median ms, and how many times as fast as each peer")
        for name in mine:
            ratios = "  ".join(f"{peer} {found[peer] / found[name]:.1f}x" for peer in others)
            print(f"  {name:13}{found[name]:8.2f} ms  {ratios}")
        print("  " + "  ".join(f"{peer} {found[peer]:.2f} ms" for peer in others))
        print(f"summary: markdown, {size} | " + ", ".join(f"{name} {found[name]:.2f} ms" for name in mine))
    started = {name: followed(start) for name, start in streams().items()}
    short, long = medians(started, small, 7), medians(started, large, 3)
    print(f"\nstreamed in pieces of {PIECE} characters: ms for 4 kB, ms for 64 kB, ratio")
    for name in started:
        print(f"  {name:13}{short[name]:9.1f}{long[name]:10.1f}{long[name] / short[name]:8.1f}x")


if __name__ == "__main__":
    main()
