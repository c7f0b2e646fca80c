"""An answer's way to the browser: only what changed travels, and rendering it costs what is new."""

import json
from typing import Any

import pytest

import glados_bots.markdown.stream
import glados_web.stream
from glados_bots.conversation import Turn
from glados_bots.markdown import parse
from glados_bots.markdown.mend import Mended, mend
from glados_bots.store import Client, Store
from glados_bots.surface import State, View
from glados_web.markdown import render_blocks
from glados_web.stream import answer_events
from glados_web.surface import POST, WebSurface

TURN = Turn("t", "c", "ada", "question")
ANSWER = """# Rivers

A *river* has a [source][s] and a mouth.[^1]

| river | km |
| --- | ---: |
| Rhine | 1 233 |

- long
- wet

```python
print("water")
```

[s]: https://example.org/
[^1]: As a rule.
"""


@pytest.fixture
async def surface(client: Client) -> tuple[Store, WebSurface]:
    store = Store(client, "web", ttl=60, max_exchanges=5)
    return store, WebSurface(store, client)


async def shown(store: Store, surface: WebSurface, views: list[tuple[str, State]]) -> list[dict[str, Any]]:
    """What travels when an answer's views are written one after the other."""
    events = answer_events(store, surface, TURN.conversation, TURN.id)
    assert (await anext(events)).startswith("retry:")
    travelled = []
    for text, state in views:
        await surface.edit(TURN, POST, View(text, "", state, is_last=True))
        event = await anext(events)
        travelled.append(json.loads(event.removeprefix("event: view\ndata: ")))
    await events.aclose()
    return travelled


def assembled(travelled: list[dict[str, Any]]) -> list[str]:
    """The blocks as the page's script puts them together."""
    blocks: list[str] = []
    for data in travelled:
        blocks[data["from"] :] = data["blocks"]
    return blocks


@pytest.mark.parametrize("size", [1, 7, 50])
async def test_what_arrives_is_the_whole_answer_rendered(surface: tuple[Store, WebSurface], size: int) -> None:
    views: list[tuple[str, State]] = [(ANSWER[:end], "writing") for end in range(size, len(ANSWER), size)]
    travelled = await shown(*surface, [*views, (ANSWER, "done")])
    assert assembled(travelled) == render_blocks(parse(ANSWER))
    assert travelled[-1]["markdown"] == ANSWER


async def test_an_answer_that_is_begun_again_replaces_the_old_one(surface: tuple[Store, WebSurface]) -> None:
    travelled = await shown(*surface, [("Old\n\nanswer", "writing"), ("", "waiting"), ("New", "done")])
    assert assembled(travelled[:1]) == ["<p>Old</p>", "<p>answer</p>"]
    assert assembled(travelled[:2]) == []
    assert assembled(travelled) == ["<p>New</p>"]


async def test_a_view_that_stays_is_told_again_so_that_silence_means_a_dead_connection(
    surface: tuple[Store, WebSurface], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glados_web.stream, "KEEP_ALIVE_S", 0.01)
    await surface[1].edit(TURN, POST, View(ANSWER, "Go on", "writing", is_last=True))
    events = answer_events(*surface, TURN.conversation, TURN.id)
    told = [await anext(events) for _ in range(4)][1:]
    await events.aclose()
    first, *again = (json.loads(event.removeprefix("event: view\ndata: ")) for event in told)
    count = len(first["blocks"])
    assert count > 3
    assert again == [{"from": count, "blocks": [], "notice": "Go on", "state": "writing"}] * 2


async def test_finished_paragraphs_are_neither_read_nor_sent_again(
    surface: tuple[Store, WebSurface], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0

    def counting(text: str) -> Mended:
        nonlocal read
        read += len(text)
        return mend(text)

    monkeypatch.setattr(glados_bots.markdown.stream, "mend", counting)
    paragraph = "A sentence of some length that says nothing in particular.\n\n"
    count = 200
    travelled = await shown(*surface, [(paragraph * number, "writing") for number in range(1, count + 1)])
    assert len(assembled(travelled)) == count
    assert read < 10 * count * len(paragraph)  # the whole text at each update would be 100 times its length
    assert sum(len(data["blocks"]) for data in travelled) < 3 * count
