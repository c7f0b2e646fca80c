"""An answer as Slack's streams take it: by appends, which nothing takes back."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glados_bots.conversation import Turn
from glados_bots.markdown.drawing.chat import ChatSink
from glados_bots.markdown.streaming.stream import Stream
from glados_slack.answers.answer import LIMIT, Chunk, TwofoldDialect
from glados_slack.answers.streams import LiveStream, Streams

TURN = Turn(
    "1", "c", "U1", "", place={"channel": "C1", "thread": "1.1", "team": "T1", "user_team": "T1", "kind": "channel"}
)
BLOCKS = [
    "# A heading",
    "### With `code` in it",
    "A paragraph of some words.",
    "With **bold**, *italic* and ~~struck~~ words, `code` and a [link](https://example.org/a_b).",
    "It takes ~5 minutes in ~/bin, and costs $5 or 3 < 4.",
    "```py\nx = [1, 2]\n\nprint(x)\n```",
    "- one\n- two\n  - three",
    "1. one\n2. two\n\n   more of two",
    "- [ ] one\n- [x] two",
    "> quoted words\n> and more",
    "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
    "\\[\nx = y\n- 1\n\\]",
    "$$\nx^2\n$$",
    "The area \\(a^2\\) and $b_1$ grow.",
    "---",
    "<details>\n<summary\n title='x'>Sum</summary>\n\nInside.\n\n</details>",
]


class TakingCalls:
    """Slack, which takes everything."""

    def __init__(self) -> None:
        self.text = ""

    async def may(self, *_: object) -> bool:
        return True

    async def __call__(self, _: object, method: str, **arguments: Any) -> dict[str, str]:
        del method
        self.text += "".join(chunk.get("text", "") for chunk in arguments["chunks"])
        return {"ts": "2.2"}


@pytest.mark.parametrize("size", [1, 7])
@given(blocks=st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=8, unique=True))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_stream_is_never_given_up_for_another_text(size: int, blocks: list[str]) -> None:
    """In one message: a second table begins another, and takes the heading before it along."""
    text = "\n\n".join(blocks)
    answer: Stream[str] = Stream(lambda: ChatSink(TwofoldDialect(), LIMIT))
    calls, live = TakingCalls(), None
    streams = Streams(calls)  # type: ignore[arg-type]  # as much of it as streams use
    for place in range(0, len(text), size):
        live = await _shown(streams, live, answer.feed(text[place : place + size]).chunks)
    whole, *_ = answer.close().chunks
    assert Chunk.decode(whole).markdown.startswith(calls.text)


async def _shown(streams: Streams, live: LiveStream | None, chunks: list[str]) -> LiveStream | None:
    if not chunks:
        return live
    chunk = Chunk.decode(chunks[0])
    if live is None:
        return await streams.start(TURN, chunk, has_stop=True)
    await streams.append(TURN, live, chunk)
    return live
