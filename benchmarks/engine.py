"""How fast the inference service answers, beside `transformers serve`: `python benchmarks/engine.py`.

All servers run at the same time, serve the same weights and are asked over the OpenAI HTTP API, round after round in
turn, so that a busy machine slows all of them alike; the figures are medians of the rounds. Answers are greedy. Every
question is new, but for the growing conversation, where sharing its beginning is what is measured. Ratios above 1 mean
that ours is better. Servers that are not installed or do not start are named and left out.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
from peers import Running, ours, running, transformers_serve
from rich.console import Console
from rich.table import Table

from glados_bots.inference import cards, weights

Chat = list[dict[str, str]]
SPEED = "tokens/s, {} streams"
FIRST = "first token ms, {} streams"
TURN = "first token ms, turn {}"
QUESTION = (
    "Please tell me more about what happened next in this story, who was there, what they said to one another, "
    "what the weather was like, and how all of it came to an end, in as many words as you like."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One streamed answer; times in seconds."""

    text: str
    tokens: int
    first_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    tokens: int
    streams: Sequence[int]
    turns: int


Figures = dict[str, list[float]]


async def ask(client: httpx.AsyncClient, server: Running, messages: Chat, tokens: int) -> Answer:
    """Stream one answer. Raises httpx.HTTPStatusError or RuntimeError when the server gives none."""
    body = {
        "model": server.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "max_tokens": tokens,
    }
    begun = time.perf_counter()
    first_s, pieces, counted = 0.0, list[str](), 0
    async with client.stream("POST", f"{server.url}/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            data = line.removeprefix("data:").strip()
            if not line.startswith("data:") or data == "[DONE]":
                continue
            chunk = json.loads(data)
            counted = (chunk.get("usage") or {}).get("completion_tokens", counted)
            piece = chunk["choices"][0]["delta"].get("content") if chunk.get("choices") else None
            if piece:
                first_s = first_s or time.perf_counter() - begun
                pieces.append(piece)
    if not pieces:
        raise RuntimeError(f"{server.name} gave an empty answer")
    return Answer("".join(pieces), counted or len(pieces), first_s)


async def measure_streams(client: httpx.AsyncClient, server: Running, streams: int, tokens: int) -> Figures:
    """Tokens per second of all streams together, from the first question to the last answer, and the first token."""
    chats: list[Chat] = [[{"role": "user", "content": f"Story {uuid4().hex}. {QUESTION}"}] for _ in range(streams)]
    begun = time.perf_counter()
    answers = await asyncio.gather(*(ask(client, server, chat, tokens) for chat in chats))
    seconds = time.perf_counter() - begun
    return {
        SPEED.format(streams): [sum(answer.tokens for answer in answers) / seconds],
        FIRST.format(streams): [answer.first_s * 1000 for answer in answers],
    }


async def measure_conversation(client: httpx.AsyncClient, server: Running, turns: int, tokens: int) -> Figures:
    """Time to the first token of each turn of a conversation that grows by about 100 tokens a turn."""
    chat: Chat = []
    figures: Figures = {}
    for turn in range(1, turns + 1):
        chat.append({"role": "user", "content": f"Story {uuid4().hex}. {QUESTION}"})
        answer = await ask(client, server, chat, tokens)
        chat.append({"role": "assistant", "content": answer.text})
        figures[TURN.format(turn)] = [answer.first_s * 1000]
    return figures


async def measure(servers: Sequence[Running], plan: Plan) -> dict[str, Figures]:
    """All figures by server and name; servers take turns within each round."""
    results: dict[str, Figures] = {server.name: defaultdict(list) for server in servers}
    async with httpx.AsyncClient(timeout=300, limits=httpx.Limits(max_connections=64)) as client:
        for server in servers:
            await measure_streams(client, server, max(plan.streams), 4)  # to warm up
        for _ in range(plan.rounds):
            for server in servers:
                parts = [await measure_streams(client, server, count, plan.tokens) for count in plan.streams]
                parts.append(await measure_conversation(client, server, plan.turns, plan.tokens // 2))
                for part in parts:
                    for name, values in part.items():
                        results[server.name][name].extend(values)
    return results


def table_of(results: dict[str, Figures], started: dict[str, float]) -> Table:
    """One row for each figure, with the ratio of ours to each other server."""
    us, *others = results
    table = Table("", us, *(column for other in others for column in (other, "ratio")))
    table.add_row("ready after s", f"{started[us]:.1f}", *_beside(started[us], [started[o] for o in others]))
    for name in results[us]:
        medians = [statistics.median(results[server][name]) for server in results]
        table.add_row(
            name, f"{medians[0]:.1f}", *_beside(medians[0], medians[1:], more_is_better=name.startswith("tokens/s"))
        )
    return table


def _beside(mine: float, theirs: Sequence[float], *, more_is_better: bool = False) -> list[str]:
    cells = list[str]()
    for other in theirs:
        cells += [f"{other:.1f}", f"{mine / other if more_is_better else other / mine:.2f}"]
    return cells


def weights_folder(model: str) -> Path:
    """The safetensors folder of a model, which every server can load."""
    card, _ = cards.resolve(model)
    return weights.fetch(card, Path("data"), None).resolve()


async def run(model: str, plan: Plan) -> None:
    """Start what can be started, measure, print."""
    console = Console(width=110)
    folder = weights_folder(model)
    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(running(ours(), folder))]
        peer = transformers_serve()
        if peer.missing:
            console.print(f"left out: {peer.name} is not installed: {peer.missing}", markup=False)
        else:
            try:
                servers.append(await stack.enter_async_context(running(peer, folder)))
            except RuntimeError as error:
                console.print(f"left out: {error}", markup=False)
        results = await measure(servers, plan)
        console.print(table_of(results, {server.name: server.started_s for server in servers}))
    console.print(
        f"{model}, greedy, {plan.tokens} tokens an answer, medians of {plan.rounds} rounds; >1: ours is better"
    )


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default=cards.EMBEDDED, help="card, folder or GGUF file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=64, help="tokens of an answer")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--turns", type=int, default=8, help="turns of the growing conversation")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(run(options.model, Plan(options.rounds, options.tokens, options.streams, options.turns)))


if __name__ == "__main__":
    main()
