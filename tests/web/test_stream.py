"""An answer's way to the browser: only what changed travels, and rendering it costs what is new."""

import json
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

import glados_bots.markdown.streaming.stream
import glados_web.answers.stream
from glados_bots.conversation import Attachment, Exchange, Turn
from glados_bots.markdown.mending.mend import Mended, mend
from glados_bots.store.connection import Client
from glados_bots.store.store import Store
from glados_bots.surface import State, View
from glados_web.answers.markdown import render
from glados_web.answers.stream import answer_events
from glados_web.answers.surface import POST, WebSurface
from glados_web.chat_stream import ALIVE, chat_events
from glados_web.stream_slots import StreamSlots

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
    assert "\n".join(assembled(travelled)) == render(ANSWER)
    assert travelled[-1]["markdown"] == ANSWER


async def test_an_answer_that_is_begun_again_replaces_the_old_one(surface: tuple[Store, WebSurface]) -> None:
    travelled = await shown(*surface, [("Old\n\nanswer", "writing"), ("", "waiting"), ("New", "done")])
    assert assembled(travelled[:1]) == ["<p>Old</p>", "<p>answer</p>"]
    assert assembled(travelled[:2]) == []
    assert assembled(travelled) == ["<p>New</p>"]


async def test_a_view_that_stays_is_told_again_so_that_silence_means_a_dead_connection(
    surface: tuple[Store, WebSurface], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glados_web.answers.stream, "KEEP_ALIVE_S", 0.01)
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

    monkeypatch.setattr(glados_bots.markdown.streaming.stream, "mend", counting)
    paragraph = "A sentence of some length that says nothing in particular.\n\n"
    count = 200
    travelled = await shown(*surface, [(paragraph * number, "writing") for number in range(1, count + 1)])
    assert len(assembled(travelled)) == count
    assert read < 10 * count * len(paragraph)  # the whole text at each update would be 100 times its length
    assert sum(len(data["blocks"]) for data in travelled) < 3 * count


EXCHANGE = Exchange(TURN.id, TURN.text, ANSWER, "done")


async def told(store: Store, surface: WebSurface, *awaited: str) -> list[tuple[str, dict[str, Any]]]:
    """What a page hears of its chat when it connects."""
    lines = [line async for line in chat_events(store, surface, TURN.conversation, awaited, once=True)]
    return [(name, json.loads(data)) for name, data in (line[7:].split("\ndata: ") for line in lines)]


async def finish(store: Store, exchange: Exchange) -> None:
    lease = await store.claim()
    assert lease
    assert await store.finish(lease, exchange) == "ended"


async def test_a_page_that_connects_hears_of_all_turns_and_of_answers_under_way(
    surface: tuple[Store, WebSurface],
) -> None:
    store, shown_by = surface
    await store.accept(replace(TURN, attachments=(Attachment("1", "notes.txt"),)))
    waiting = {"from": 0, "blocks": [], "notice": "", "state": "waiting", "turn": TURN.id}
    assert await told(*surface) == [
        ("turns", {"turns": [{"turn": TURN.id, "question": TURN.text, "files": ["notes.txt"]}]}),
        ("view", waiting),
    ]
    await shown_by.edit(TURN, POST, View("Old", "", "writing", is_last=True))
    (_, (_, view)) = await told(*surface)
    assert (view["blocks"], view["state"]) == (["<p>Old</p>"], "writing")


async def test_ends_that_a_page_has_missed_come_before_the_list_and_others_by_their_version(
    surface: tuple[Store, WebSurface],
) -> None:
    await surface[0].accept(TURN)
    await finish(surface[0], EXCHANGE)
    ((name, listed),) = await told(*surface)
    assert name == "turns"
    ((first, view), (second, again)) = await told(*surface, TURN.id, "of another chat")
    assert (first, second) == ("view", "turns")
    assert view["markdown"] == ANSWER
    assert again == listed == {"turns": [{"turn": TURN.id, "version": view["version"]}]}


async def test_a_hint_of_an_unknown_turn_tells_the_list_first(surface: tuple[Store, WebSurface]) -> None:
    """A worker may show an answer before the page was told of its question."""
    store, shown_by = surface
    events = chat_events(store, shown_by, TURN.conversation)
    assert [await anext(events) for _ in range(2)] == ['event: turns\ndata: {"turns": []}\n\n', ALIVE]
    await store.accept(TURN)
    await shown_by.edit(TURN, POST, View("Word", "", "writing", is_last=True))
    assert [(await anext(events)).split("\n")[0] for _ in range(2)] == ["event: turns", "event: view"]
    await events.aclose()


async def test_a_chat_in_which_nothing_happens_gives_signs_of_life(
    surface: tuple[Store, WebSurface], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glados_web.answers.stream, "KEEP_ALIVE_S", 0.01)
    events = chat_events(*surface, TURN.conversation)
    assert [await anext(events) for _ in range(4)][1:] == [ALIVE] * 3
    await events.aclose()


def test_the_newest_streams_of_a_browser_have_the_slots() -> None:
    slots = StreamSlots()
    with ExitStack() as stack:
        lost = [stack.enter_context(slots.take("ada")) for _ in range(4)]
        other = stack.enter_context(slots.take("bob"))
        assert [event.is_set() for event in lost] == [True, True, False, False]
        assert not other.is_set()
        assert (slots.has_free("ada"), slots.has_free("bob"), slots.has_free("eve")) == (False, True, True)
    assert slots.has_free("ada")
    assert not vars(slots)["_taken"], "nothing is kept of who left"
