"""Which files of a message are read, and what is said of the others."""

from unittest.mock import AsyncMock

import httpx
import pytest

from glados_bots.attachments.downloads import Download
from glados_bots.intake import attached
from glados_bots.intake.attached import Outcome, as_text, downloaded, read_first
from glados_bots.intake.text_files import NOT_TEXT, TextFile
from glados_bots.wording.sentence import Sentence, say

GONE, TOO_MANY = say("file-status", status="404"), say("file-too-many", most=3)


async def test_the_first_text_files_are_read_and_the_others_named_with_the_reason() -> None:
    async def read(name: str) -> Outcome:
        return GONE if name == "gone.txt" else TextFile(name, f"words of {name}")

    files = await read_first(
        ["a.txt", "b.png", "gone.txt", "c.txt", "d.txt"],
        3,
        TOO_MANY,
        is_text=lambda name: name.endswith(".txt"),
        name=str.upper,
        read=read,
    )
    assert files.read == (TextFile("a.txt", "words of a.txt"), TextFile("c.txt", "words of c.txt"))
    assert files.unread == (("B.PNG", NOT_TEXT), ("D.TXT", TOO_MANY), ("GONE.TXT", GONE))


@pytest.mark.parametrize("error", [httpx.ConnectError("no route"), httpx.InvalidURL("no host"), TimeoutError()])
async def test_a_file_that_cannot_be_had_is_a_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(attached, "fetch", AsyncMock(side_effect=error))
    found = await downloaded("Slack", "https://files.example/1", 10, 1.0, is_ours=lambda _: True)
    assert found == say("file-slow", platform="Slack")
    elsewhere = await downloaded("Slack", "https://evil.example", 10, 1.0, is_ours=lambda _: False)
    assert isinstance(elsewhere, Sentence)


async def test_bytes_that_are_no_text_are_none() -> None:
    assert await as_text("a", Download(b"\x00\x01", is_whole=True, kind="")) == NOT_TEXT
    assert await as_text("a", Download(b"hi", is_whole=False, kind="")) == TextFile("a", "hi", is_whole=False)
