"""A world whose model is a server that writes down what it is asked."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from glados_bots.attachments import reading
from glados_bots.attachments.contents import Contents
from glados_bots.turns import attached
from tests.attachments.making import pdf, picture
from tests.discord.conftest import World
from tests.fakes.discord import Channel
from tests.fakes.discord.world.state import NewFile
from tests.fakes.recording_model import RecordingModel
from tests.servers import running

LOG: NewFile = ("pump.log", "text/plain; charset=utf-8", b"pressure low\n")
PICTURE: NewFile = ("error.png", "image/png", picture("PNG"))
PDF: NewFile = ("report.pdf", "application/pdf", pdf(["Bearing 7 is worn"]))
FILES = [LOG, PICTURE, PDF]
ANSWER = "I see."


def sums(files: list[NewFile]) -> list[tuple[str, str]]:
    """(name, SHA-256) of each file, sorted."""
    return sorted((name, hashlib.sha256(content).hexdigest()) for name, _, content in files)


@dataclass
class Scene:
    """A world, what its model was asked, and what its workers read."""

    world: World
    model: RecordingModel = field(default_factory=RecordingModel)
    read: list[tuple[str, str]] = field(default_factory=list)  # (name, SHA-256) of what is read on its way to the model

    async def answered(self, where: Channel, count: int = 1) -> str:
        """The last answer in a place, when so many have ended there."""
        await self.world.until(lambda: len(self.world.finished(where, "")) == count)
        return self.world.finished(where, "")[-1].content

    async def notice(self, *files: NewFile, text: str = "why?") -> str:
        """What stands below the answer to a question with these files."""
        question = await self.world.ada.say(
            self.world.channel, f"{self.world.fake.bot.mention} {text}", files=list(files)
        )
        await self.world.until(lambda: question.thread)
        answer = await self.answered(self.world.thread(question))
        return answer.removeprefix(f"{ANSWER}\n-# ")


@pytest.fixture
async def scene(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    found = Scene(world)

    async def read(content: bytes, name: str, kind: str) -> Contents:
        found.read.append((name, hashlib.sha256(content).hexdigest()))
        return await reading.read(content, name, kind)

    monkeypatch.setattr(attached, "read", read)
    monkeypatch.setattr(attached, "NAP_S", 0.0)
    async with running(found.model.app()) as url:
        world.inference_url = f"{url}/v1"
        yield found
