"""What the HTTP service costs in addition to its engine: `python benchmarks/overhead.py`.

One process holds the engine and the service. In each round, the engine is asked directly, and then over HTTP by a
client in a separate process; the figure is the median of the rounds' ratios. With few cores, the client takes some,
which counts against the service here. The processor time per token does not include the client.
"""

import argparse
import asyncio
import socket
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from typing import cast
from uuid import uuid4

import httpx
import uvicorn

from benchmarks.asking import QUESTION
from benchmarks.engine import ask
from benchmarks.peers import Running
from glados_bots.conversation import Message
from glados_bots.inference.api.app import create_app
from glados_bots.inference.engine import Engine
from glados_bots.inference.model_files import cards
from glados_bots.inference.run import build_engine
from glados_bots.inference.settings import ServeSettings
from glados_bots.wire.events import Finished, Sampling


class Clock:
    """Measures tokens per second, and this process's processor time per token in ms, since its creation."""

    def __init__(self) -> None:
        self._begun = time.perf_counter(), time.process_time()

    def figures(self, tokens: int) -> tuple[float, float]:
        """(tokens per second, processor time per token in ms) for this number of tokens."""
        seconds, used = time.perf_counter() - self._begun[0], time.process_time() - self._begun[1]
        return tokens / seconds, used / tokens * 1000


async def directly(engine: Engine, streams: int, tokens: int) -> tuple[float, float]:
    """Ask the engine several questions at once. Returns the figures of a `Clock`."""

    async def one() -> int:
        question = Message("user", f"Story {uuid4().hex}. {QUESTION}")
        async for event in engine.generate(engine.models[0], [question], Sampling(tokens, 0.0)):
            if isinstance(event, Finished):
                return event.completion_tokens
        raise RuntimeError("the engine gave no end")

    clock = Clock()
    return clock.figures(sum(await asyncio.gather(*(one() for _ in range(streams)))))


async def over_http(url: str, model: str, streams: int, tokens: int) -> tuple[float, float]:
    """Ask the same questions from another process. Returns the figures of a `Clock`."""
    arguments = [sys.executable, __file__, "--client", url, model, str(streams), str(tokens)]
    process = await asyncio.create_subprocess_exec(*arguments, stdin=PIPE, stdout=PIPE)
    said = cast("asyncio.StreamReader", process.stdout)
    await said.readline()  # it has started
    clock = Clock()
    cast("asyncio.StreamWriter", process.stdin).write(b"go\n")
    figures = clock.figures(int(await said.readline()))
    await process.communicate()
    return figures


async def client(url: str, model: str, streams: int, tokens: int) -> None:
    """Runs in the other process, which connects before the measurement begins."""
    server = cast("Running", type("Server", (), {"name": "glados", "url": url, "model": model}))
    async with httpx.AsyncClient(timeout=300, limits=httpx.Limits(max_connections=64)) as http:
        await asyncio.gather(*(http.get(f"{url}/health") for _ in range(streams)))
        print("started", flush=True)
        sys.stdin.readline()
        chats = [[{"role": "user", "content": f"Story {uuid4().hex}. {QUESTION}"}] for _ in range(streams)]
        answers = await asyncio.gather(*(ask(http, server, chat, tokens) for chat in chats))
        print(sum(answer.tokens for answer in answers), flush=True)


async def run(plan: Sequence[int], tokens: int, rounds: int) -> None:
    """Measure and print."""
    engine = build_engine(ServeSettings(model=cards.EMBEDDED, max_waiting=64))
    await engine.start()
    app = create_app(engine)
    app.state.service.loaded = True  # the engine runs already
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for streams in plan:
        await over_http(url, engine.models[0], streams, 8)  # to warm up
        pairs = [
            (await directly(engine, streams, tokens), await over_http(url, engine.models[0], streams, tokens))
            for _ in range(rounds)
        ]
        slower = statistics.median(alone[0] / served[0] for alone, served in pairs) - 1
        alone_ms, served_ms = (statistics.median(pair[way][1] for pair in pairs) for way in (0, 1))
        print(f"summary: service over its engine, {streams} streams | {slower:.1%} slower, "
              f"{served_ms / alone_ms - 1:.1%} more processor time")  # fmt: skip
        print(f"{streams:2} streams: {slower:.1%} slower over HTTP; processor time per token {alone_ms:.2f} ms direct, "
              f"{served_ms:.2f} ms over HTTP ({served_ms / alone_ms - 1:.1%})")  # fmt: skip
    server.should_exit = True
    await serving
    await engine.stop()


def main() -> None:
    """Parse the arguments and run."""
    if sys.argv[1:2] == ["--client"]:
        asyncio.run(client(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    asyncio.run(run(options.streams, options.tokens, options.rounds))


if __name__ == "__main__":
    main()
