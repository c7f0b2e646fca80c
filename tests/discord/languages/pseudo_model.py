"""Ways to make the bot speak of the model, its queue, its refusals and its server's absence. See `pseudo.py`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from glados_bots.wire.events import Delta, Finished, Queued
from tests.discord.conftest import DONE
from tests.discord.languages.pseudo import PseudoWorld, Way, way
from tests.servers import free_port, running


@way("model-queue-next-wait", "model-queue-wait", "model-queue", "model-queue-next")
async def the_queue_of_the_model(world: PseudoWorld) -> None:
    names = ("model-queue-wait", "model-queue", "model-queue-next-wait", "model-queue-next")
    places = [Queued(3, 90.0), Queued(2, None), Queued(0, 9.0), Queued(0, None)]
    for place, name in zip(places, names, strict=True):
        world.world.engine.script = (place, Delta("42"), DONE)
        world.world.hold()
        async with world.world.bot():
            question = await world.ask()
            await world.until_heard(name)
            world.world.go_on()
            await world.thread(question)


@way("ended-length", "no-answer", "older-left-out", "cannot-answer", "model-gone")
async def ends_of_answers(world: PseudoWorld) -> None:
    world.world.core["max_answer_tokens"] = 100
    world.world.engine.context_length = 200
    async with world.world.bot() as bot:
        world.world.engine.script = (Delta("42"), Finished("length", 5, 0, 2))
        thread, _ = await world.thread(await world.ask())
        await world.until_heard("ended-length")
        world.world.engine.script = (DONE,)
        await world.world.ada.say(thread, "2?")
        await world.until_heard("no-answer")
        await world.world.quiet(bot)
        await bot.core.book.set_model(str(world.channel.id), "43")
        await world.world.ada.say(thread, "3?")
        await world.until_heard("model-gone")
        await world.world.quiet(bot)
        await bot.core.book.set_model(str(world.channel.id), "")
        world.world.engine.script = (Delta("1 " * 30), Finished("stop", 300, 0, 30))
        for number in range(2):
            await world.world.ada.say(thread, "1 " * 30 + f"{number}?")
            await world.world.quiet(bot)
        await world.until_heard("older-left-out")


@way("file-follows", "whole-in-file", "code-in-file", "table-in-file")
async def answers_that_are_files(world: PseudoWorld) -> None:
    rows = "".join(f"| {number} |\n" for number in range(40))
    world.world.engine.script = (*(Delta("42 " * 400 + "\n\n") for _ in range(9)), DONE)
    world.world.hold()
    world.world.go_on(8)
    async with world.world.bot():
        question = await world.ask()
        await world.until_heard("file-follows")
        world.world.go_on()
        await world.thread(question)
        world.world.engine.script = (Delta("```\n" + "42\n" * 61 + f"```\n\n| 1 |\n| - |\n{rows}"), DONE)
        await world.ask()
        await world.until_heard("code-in-file", "table-in-file")


@way("apology")
async def a_broken_turn(world: PseudoWorld) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    world.world.core["lease"] = 1.0
    world.monkeypatch.setattr("glados_bots.turns.prompts.fit", broken)
    async with world.world.bot():
        await world.thread(await world.ask(), "")


@way("apology")
async def a_message_that_cannot_be_taken_in(world: PseudoWorld) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("broken")

    async with world.world.bot() as bot:
        world.monkeypatch.setattr(bot.core.desk, "ask", broken)
        await world.ask()
        await world.until_heard("apology")
        await world.world.quiet(bot)


@way("model-unreachable")
async def a_model_that_is_not_reachable(world: PseudoWorld) -> None:
    world.world.core["grace"] = 0.1
    world.world.inference_url = f"http://127.0.0.1:{free_port()}/v1"
    async with world.world.bot():
        await world.ask()
        await world.until_heard("model-unreachable")
        await world.private("status")
        await world.private("model")


@asynccontextmanager
async def refusing(status: int, body: dict[str, Any], **headers: str) -> AsyncIterator[str]:
    """A model's server that refuses every question; yields its URL."""
    app = FastAPI()

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": "42", "object": "model", "capabilities": {"vision": True}}]}

    @app.post("/v1/chat/completions")
    async def complete() -> Response:
        return JSONResponse(body, status, headers)

    async with running(app) as url:
        yield f"{url}/v1"


@way("models-see")
async def models_that_see(world: PseudoWorld) -> None:
    async with refusing(500, {}) as url:
        world.world.inference_url = url
        async with world.world.bot():
            await world.private("model")


FIGURES = {"message": "This has 300 input tokens; the context length is 200", "code": "context_length_exceeded"}
REFUSALS: dict[str, tuple[int, dict[str, Any]]] = {
    **{f"server-{status}": (status, {"error": {"message": "No."}}) for status in (401, 402, 403, 404, 413)},
    "server-blind": (400, {"error": {"message": "The model is not a multimodal model"}}),
    "server-too-many-pictures": (400, {"error": {"message": "At most 1 image(s) may be provided"}}),
    "server-rejects": (422, {"error": {"message": "No."}}),
    "too-long-for-model": (400, {"error": {"message": "prompt is too long"}}),
    "too-long-for-model-tokens": (400, {"error": FIGURES}),
    "model-refuses-for": (429, {"error": {"message": "Later."}}),
}


def refusal(name: str) -> Way:
    async def refused(world: PseudoWorld) -> None:
        status, body = REFUSALS[name]
        headers = {"Retry-After": "9000"} if name == "model-refuses-for" else {}
        async with refusing(status, body, **headers) as url:
            world.world.inference_url = url
            async with world.world.bot():
                await world.thread(await world.ask(), "")

    return refused


for name in REFUSALS:
    way(name, called=name)(refusal(name))
