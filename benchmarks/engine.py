"""How fast the inference service answers, compared with other servers: `python benchmarks/engine.py --peers`.

All servers serve one model and are asked over the OpenAI HTTP API. They take turns in each round, and the others are
stopped meanwhile. Figures are medians of the rounds; ratios are medians of the ratios within each round, so that a
machine that is busy for a while spoils neither. Answers are greedy. Every question is new, except in the growing
conversations, which measure the sharing of beginnings. Ratios above 1 mean that ours is better. The script names and
skips servers that are not installed or do not start, and the long conversations of a server that is too slow for them.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.asking import FIRST, QUESTION, SPEED, Answer, new_question
from benchmarks.peers import Contender, Running, Weights, llama_cpp, ours, running, transformers_serve, vllm
from glados_bots.inference.model_files import cards, choosing, weights

Chat = list[dict[str, str]]
TURN = "first token ms, turn {}"
LONG = "streams of 1,500 tokens"
LONG_SPEED = "tokens/s, {} " + LONG
LONG_FIRST = "first token ms, {} " + LONG
LONG_AGAIN = "first token ms, {} " + LONG + ", their next turn"
READY = "ready after s"
ANSWERED = "ready, with the first answer, s"
PEAK = "peak memory MB"
STORY = "The keeper of the lighthouse wrote down what the sea brought in that night, and what it took away again. " * 64


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    rounds: int
    tokens: int
    streams: Sequence[int]
    turns: int
    long: int  # conversations of 1,500 tokens; 0 leaves them out
    patience_s: float  # time limit for the long conversations of one round


Figures = dict[str, list[float]]


async def ask(client: httpx.AsyncClient, server: Running, messages: Chat, tokens: int) -> Answer:
    """Stream one answer. Raises httpx.HTTPStatusError or RuntimeError if the server gives none."""
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
    """Tokens per second of all streams together, from first question to last answer, and times to the first token."""
    chats: list[Chat] = [[{"role": "user", "content": new_question()}] for _ in range(streams)]
    begun = time.perf_counter()
    answers = await asyncio.gather(*(ask(client, server, chat, tokens) for chat in chats))
    seconds = time.perf_counter() - begun
    return {
        SPEED.format(streams): [sum(answer.tokens for answer in answers) / seconds],
        FIRST.format(streams): [answer.first_s * 1000 for answer in answers],
    }


async def measure_conversation(client: httpx.AsyncClient, server: Running, turns: int, tokens: int) -> Figures:
    """Time to the first token of each turn of a conversation that grows by about 100 tokens per turn."""
    chat: Chat = []
    figures: Figures = {}
    for turn in range(1, turns + 1):
        chat.append({"role": "user", "content": new_question()})
        answer = await ask(client, server, chat, tokens)
        chat.append({"role": "assistant", "content": answer.text})
        figures[TURN.format(turn)] = [answer.first_s * 1000]
    return figures


async def measure_long(client: httpx.AsyncClient, server: Running, streams: int, tokens: int) -> Figures:
    """Many conversations of 1,500 tokens: their first answers, then the next turn of each."""
    chats: list[Chat] = [
        [{"role": "user", "content": f"Story {uuid4().hex}. {STORY} {QUESTION}"}] for _ in range(streams)
    ]
    firsts = await asyncio.gather(*(ask(client, server, chat, 8) for chat in chats))
    for chat, first in zip(chats, firsts, strict=True):
        chat += [{"role": "assistant", "content": first.text}, {"role": "user", "content": QUESTION}]
    begun = time.perf_counter()
    answers = await asyncio.gather(*(ask(client, server, chat, tokens) for chat in chats))
    seconds = time.perf_counter() - begun
    return {
        LONG_FIRST.format(streams): [answer.first_s * 1000 for answer in firsts],
        LONG_AGAIN.format(streams): [answer.first_s * 1000 for answer in answers],
        LONG_SPEED.format(streams): [sum(answer.tokens for answer in answers) / seconds],
    }


async def measure_round(client: httpx.AsyncClient, server: Running, plan: Plan) -> dict[str, float]:
    """The median of each figure's values; without the long conversations if they take too long."""
    parts = [await measure_streams(client, server, count, plan.tokens) for count in plan.streams]
    parts.append(await measure_conversation(client, server, plan.turns, plan.tokens // 2))
    if plan.long:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(plan.patience_s):
                parts.append(await measure_long(client, server, plan.long, plan.tokens))
    return {name: statistics.median(values) for part in parts for name, values in part.items()}


async def measure(servers: Sequence[Running], plan: Plan, show: Console) -> dict[str, Figures]:
    """All figures by server and name, one value per round; servers take turns within each round.

    A server that fails is named and skipped from then on.
    """
    results: dict[str, Figures] = {}
    left, plans = list(servers), {server.name: plan for server in servers}
    async with httpx.AsyncClient(
        timeout=600, limits=httpx.Limits(max_connections=64, max_keepalive_connections=0)
    ) as client:
        for number in range(plan.rounds + 1):
            for server in tuple(left):
                try:
                    with server.awake():
                        if number == 0:
                            results[server.name] = await first_figures(client, server, plan)
                            continue
                        found = await measure_round(client, server, plans[server.name])
                        if not is_complete(found, plans[server.name]):
                            show.print(f"{server.name}: long conversations took over {plan.patience_s:.0f} s; left out")
                            plans[server.name] = replace(plan, long=0)
                            drop_long(results[server.name])
                        for name, value in found.items():
                            results[server.name].setdefault(name, []).append(value)
                except (httpx.HTTPError, RuntimeError) as error:
                    show.print(f"left out: {server.name} failed in round {number}: {error!r}", markup=False)
                    left.remove(server)
                    results.pop(server.name, None)
            show.print(f"round {number} of {plan.rounds}", style="dim")
        for server in left:
            results[server.name][PEAK] = [server.peak_mb()]
    return results


def is_complete(found: Mapping[str, float], plan: Plan) -> bool:
    """Whether the figures include the long conversations, if the plan has any."""
    return not plan.long or LONG_SPEED.format(plan.long) in found


def drop_long(figures: Figures) -> None:
    """Delete the figures of long conversations in earlier rounds."""
    for name in [name for name in figures if LONG in name]:
        del figures[name]


async def first_figures(client: httpx.AsyncClient, server: Running, plan: Plan) -> Figures:
    """Times of the start and of the first answer, when some servers first load the model. Then warm up."""
    begun = time.monotonic()
    await measure_streams(client, server, 1, 4)
    figures = {READY: [server.started_s], ANSWERED: [server.started_s + time.monotonic() - begun]}
    await measure_round(client, server, replace(plan, rounds=1, tokens=4, turns=1, long=min(plan.long, 1)))
    return figures


def ratio(name: str, mine: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios, inverted if necessary, so that more is better for us."""
    more_is_better = name.startswith("tokens/s")
    pairs = zip(mine, theirs, strict=True)
    return statistics.median(a / b if more_is_better else b / a for a, b in pairs)


def table_of(results: dict[str, Figures]) -> Table:
    """One row per figure, with the ratio of ours to each other server."""
    us, *others = results
    table = Table("", us, *(column for other in others for column in (other, "ratio")))
    for name, mine in results[us].items():
        cells = list[str]()
        for other in others:
            theirs = results[other].get(name)
            cells += [f"{statistics.median(theirs):.1f}", f"{ratio(name, mine, theirs):.2f}"] if theirs else ["-", "-"]
        table.add_row(name, f"{statistics.median(mine):.1f}", *cells)
    return table


def weights_of(model: str) -> Weights:
    """A model's safetensors folder, and the GGUF file that it was made from, if any."""
    card, _ = choosing.resolve(model)
    folder = weights.fetch(card, Path("data"), None).resolve()
    return Weights(folder, weights.local_file(card) if card.base.gguf else None)


async def started(contender: Contender, files: Weights, stack: contextlib.AsyncExitStack) -> Running | str:
    """The running server, or the reason why it is skipped."""
    if contender.missing:
        return f"{contender.name} is not installed: {contender.missing}"
    if contender.name == "llama.cpp" and files.gguf is None:
        return "llama.cpp reads GGUF files, and this model has none"
    try:
        return await stack.enter_async_context(running(contender, files))
    except RuntimeError as error:
        return str(error)


async def run(model: str, contenders: Sequence[Contender], plan: Plan) -> dict[str, Figures]:
    """Start all available servers, measure and print. Returns the figures of all rounds."""
    console = Console(width=150)
    files = weights_of(model)
    async with contextlib.AsyncExitStack() as stack:
        found = [await started(contender, files, stack) for contender in contenders]
        for reason in found:
            if isinstance(reason, str):
                console.print(f"left out: {reason}", markup=False)
        servers = [server for server in found if isinstance(server, Running)]
        results = await measure(servers, plan, console)
    console.print(table_of(results))
    us, *others = results
    for name, mine in results[us].items():
        beside = {other: theirs for other in others if (theirs := results[other].get(name))}
        ratios = (f"{ratio(name, mine, theirs):.2f}x {other}" for other, theirs in beside.items())
        print(f"summary: {name} | {statistics.median(mine):.1f}", *ratios, sep=", ")
    console.print(f"{model}, greedy, {plan.tokens} tokens per answer, {plan.rounds} rounds; ratios > 1: ours is better")
    return results


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default=cards.EMBEDDED, help="card, folder or GGUF file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=64, help="tokens per answer")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--turns", type=int, default=8, help="turns of the growing conversation")
    parser.add_argument("--long", type=int, default=16, help="conversations of 1,500 tokens; 0 leaves them out")
    parser.add_argument("--patience", type=float, default=120, help="seconds these may take per round")
    parser.add_argument(
        "--peers", type=Path, nargs="?", const=Path("peers"), help="also vLLM and llama.cpp, from this folder"
    )
    parser.add_argument("--without", nargs="*", default=[], help="names of servers to leave out")
    parser.add_argument("--json", type=Path, help="file for the figures of all rounds; see plot.py")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    contenders = [ours(), transformers_serve()]
    if options.peers:
        home = options.peers.resolve()
        contenders += [vllm(home), llama_cpp(home)]
    contenders = [contender for contender in contenders if contender.name not in options.without]
    plan = Plan(options.rounds, options.tokens, options.streams, options.turns, options.long, options.patience)
    results = asyncio.run(run(options.model, contenders, plan))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
