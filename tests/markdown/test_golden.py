"""What people see, kept in files: `golden/*.md` as each platform shows it.

After a wanted change run `python tests/markdown/test_golden.py`, and read the difference before it is committed.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from glados_discord.answers import markdown as discord
from glados_slack.answers import markdown as slack
from glados_web.answers import markdown as web

GOLDEN = Path(__file__).parent / "golden"
# So short that answers are cut.
LIMIT = 600
PLATFORMS: dict[str, Callable[[str], str]] = {
    "discord.txt": lambda text: "\n\x1e\n".join(discord.render(text, LIMIT)) + "\n",
    "slack.txt": lambda text: "\n\x1e\n".join(slack.render(text, LIMIT)) + "\n",
    "slack.json": lambda text: json.dumps(slack.render_blocks(text), indent=1, ensure_ascii=False) + "\n",
    "html": lambda text: web.render(text) + "\n",
}
SOURCES = sorted(GOLDEN.glob("*.md"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_answers_look_as_they_did(platform: str, source: Path) -> None:
    expected = source.with_suffix(f".{platform}").read_text(encoding="utf-8")
    assert PLATFORMS[platform](source.read_text(encoding="utf-8")) == expected


@pytest.mark.parametrize("start", [discord.stream, slack.stream])
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_messages_left_behind_stay(source: Path, start: object) -> None:
    text = source.read_text(encoding="utf-8")
    for limit in (200, 400):
        stream = discord.stream(limit) if start is discord.stream else slack.stream(limit)
        before: list[str] = []
        for character in text:
            chunks = stream.feed(character).chunks
            assert chunks[: len(before) - 1] == before[:-1]
            before = chunks


if __name__ == "__main__":
    for path in SOURCES:
        for name, draw in PLATFORMS.items():
            path.with_suffix(f".{name}").write_text(draw(path.read_text(encoding="utf-8")), encoding="utf-8")
