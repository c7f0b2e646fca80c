"""`glados discord` as the operator starts it: killed, doubled, refused."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glados_discord.examine import examine
from tests.discord.conftest import World

ROOT = Path(__file__).parents[2]


def environment(world: World, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "GLADOS_DISCORD_TOKEN": world.fake.token,
        "GLADOS_DISCORD_API_BASE": world.fake.settings.api_base,
        "GLADOS_DISCORD_GATEWAY_URL": world.fake.settings.gateway_url,
        "GLADOS_REDIS_URL": world.redis_url,
        "GLADOS_INFERENCE_URL": world.inference_url,
        "GLADOS_LEASE": "1",
        "GLADOS_GRACE": "5",
        **more,
    }


@contextmanager
def adapter(world: World) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-m", "glados_bots", "discord"], env=environment(world), cwd=ROOT)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


async def refused(world: World, *args: str, **env: str) -> tuple[int, str]:
    """Exit code and words of a command that is to end by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "glados_bots", *args, env=environment(world, **env), cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_an_adapter_that_is_killed_in_an_answer_is_followed_by_one_that_ends_it_in_the_same_message(
    world: World,
) -> None:
    world.hold()
    with adapter(world) as killed:
        await world.until(lambda: world.fake.gateway.identified)
        question = await world.ask()
        world.go_on(1)
        await world.until(lambda: question.thread and world.said(question.thread) == ["Hello"])
        (record,) = world.fake.answers(world.thread(question))
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)
        with adapter(world) as follower:
            world.go_on()
            answer = await world.answered(question)
            follower.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(follower.wait, 60) == 0
    assert answer.id == record.id
    assert world.said(world.thread(question)) == ["Hello **world**"]


async def test_two_adapters_one_of_which_is_killed_give_one_answer_each(world: World) -> None:
    world.hold()
    with adapter(world) as one, adapter(world) as two:
        await world.until(lambda: world.fake.gateway.identified == 2)
        questions = [await world.ask(f"question {number}") for number in range(6)]
        await world.until(lambda: len({prompt[-1] for prompt in world.prompts}) == 6)
        one.send_signal(signal.SIGKILL)
        world.go_on()
        for question in questions:
            await world.answered(question)
        two.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(two.wait, 60) == 0
    assert [world.said(world.thread(question)) for question in questions] == [["Hello **world**"]] * 6


async def test_the_process_ends_with_code_2_and_one_line(world: World) -> None:
    code, text = await refused(world, "discord", GLADOS_DISCORD_TOKEN="wrong")
    assert (code, text.count("GLADOS_DISCORD_TOKEN: Discord does not accept this token")) == (2, 1)
    assert "Traceback" not in text
    world.fake.world.application.privileged_intents = 0
    code, text = await refused(world, "discord")
    assert code == 2
    assert "switch on Message Content Intent" in text
    assert "Traceback" not in text
    code, text = await refused(world, "discord", GLADOS_DISCORD_TOKEN="")
    assert (code, "GLADOS_DISCORD_TOKEN is not set" in text) == (2, True)


async def test_doctor_looks_at_token_and_intents_and_prints_the_invitation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(world).items():
        monkeypatch.setenv(name, value)
    page, scopes = "https://discord.com/oauth2/authorize", "scope=bot+applications.commands"
    assert await findings() == {
        "discord token": ("ok", "works; the bot's name is GLaDOS"),
        "discord intents": ("ok", "message content is on"),
        "discord invitation": ("ok", f"{page}?client_id={world.fake.bot.id}&{scopes}&permissions=309237746752"),
    }
    world.fake.world.application.privileged_intents = 0
    assert (await findings())["discord intents"] == ("fail", "the Message Content Intent is off")
    monkeypatch.setenv("GLADOS_DISCORD_TOKEN", "wrong")
    assert await findings() == {"discord": ("fail", "Discord refuses the token")}
    monkeypatch.setenv("GLADOS_DISCORD_API_BASE", "http://127.0.0.1:1/api/v10")
    assert "is not reachable" in (await findings())["discord"][1]
    monkeypatch.setenv("GLADOS_DISCORD_DENIED_USERS", "ada")
    assert "GLADOS_DISCORD_DENIED_USERS=ada" in (await findings())["discord"][1]
    monkeypatch.delenv("GLADOS_DISCORD_DENIED_USERS")
    monkeypatch.delenv("GLADOS_DISCORD_TOKEN")
    assert "not set" in (await findings())["discord"][1]


async def findings() -> dict[str, tuple[str, str]]:
    """What `glados doctor` finds about Discord."""
    found = await asyncio.to_thread(lambda: list(examine()))
    return {check.name: (check.state, check.finding) for check in found}
