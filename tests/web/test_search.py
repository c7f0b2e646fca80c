"""Search in one's own chats: what is found where, what is not, and that the work has bounds."""

import re
from html import unescape

import httpx
import pytest

from glados_bots.conversation import Attachment, Exchange
from glados_bots.store.connection import Client
from glados_bots.store.store import Store
from glados_web.chats import MOST_CHATS, new_conversation
from glados_web.search import search as module
from glados_web.search.folding import fold, offsets, unfolded
from glados_web.search.routes import LONGEST
from glados_web.search.search import MOST_FOUND, Found, search
from glados_web.search.snippets import snippet
from tests.fakes.scripted_model import ScriptedModel
from tests.web.conftest import browser, english, words_of
from tests.web.test_export import asked
from tests.web.test_http import ask

MARKED = re.compile(r"<mark>(.*?)</mark>")


async def found(visitor: httpx.AsyncClient, text: str) -> httpx.Response:
    response = await visitor.get("/search", params={"q": text}, headers={"Accept": "text/html"})
    assert response.status_code == 200
    return response


# --- the page --------------------------------------------------------------------------------------------------------


async def test_words_are_found_in_questions_and_answers_of_ones_own_chats(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.pieces = ["The **Rhine** flows into the North Sea."]
    chat, turn = await asked(visitor, "Which river?")
    model.pieces = ["Rome"]
    await asked(visitor, "Capital of Italy?")
    for text, marked in (
        ("rhine", ["Rhine"]),
        ("NORTH flows", ["flows", "North"]),
        ("RIVER which", ["Which", "river"]),
    ):
        page = await found(visitor, text)
        assert f'href="/c/{chat}#t{turn}"' in page.text, text
        assert MARKED.findall(page.text) == marked
        assert english("page-search-found", number=1) in words_of(page)
    opened = await visitor.get(f"/c/{chat}")
    assert f'id="t{turn}"' in opened.text


async def test_nothing_found_says_so(visitor: httpx.AsyncClient) -> None:
    await asked(visitor, "A question")
    page = await found(visitor, "<b>zebra</b>")
    assert english("page-search-nothing", words="<b>zebra</b>") in words_of(page)
    assert "<b>" not in page.text
    assert english("page-search-nothing", words="rome sea") in words_of(await found(visitor, " rome   sea "))


async def test_an_empty_search_is_just_the_field(visitor: httpx.AsyncClient) -> None:
    for text in ("", "   ", "\u0301"):
        assert "<mark>" not in (await found(visitor, text)).text


async def test_nobody_finds_what_is_anothers(visitor: httpx.AsyncClient, site: str) -> None:
    chat, _ = await asked(visitor, "A secret plan")
    async with browser(site) as stranger:
        await stranger.get("/")
        for text in ("secret", "plan", "world"):
            assert chat not in (await found(stranger, text)).text
        await asked(stranger, "My own plan")
        page = await found(stranger, "plan")
        assert len(MARKED.findall(page.text)) == 1
        assert chat not in page.text


async def test_a_stranger_must_sign_in_first(locked: str) -> None:
    async with browser(locked) as stranger:
        assert (await stranger.get("/search?q=a")).headers["location"] == "/sign-in"


async def test_a_deleted_chat_is_not_found(visitor: httpx.AsyncClient) -> None:
    for act in ("clear", "delete"):
        chat, _ = await asked(visitor, f"A secret to {act}")
        await visitor.post(f"/c/{chat}/{act}", json={})
    assert "<mark>" not in (await found(visitor, "secret")).text


async def test_a_waiting_question_is_found(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    model.gate.clear()
    chat = new_conversation()
    await ask(visitor, chat, "First")
    turn = await ask(visitor, chat, "The second one", "k2")
    assert f"#t{turn}" in (await found(visitor, "second")).text


async def test_a_search_that_is_too_long_is_refused(visitor: httpx.AsyncClient) -> None:
    refused = await visitor.get("/search", params={"q": "x" * (LONGEST + 1)})
    assert (refused.status_code, refused.json()["error"]) == (400, english("page-search-long", most=LONGEST))
    await found(visitor, "x" * LONGEST)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "(a+)+$", "%00", "\\", "[", "a" * 100 + " " + "b"])
async def test_hostile_words_are_only_words(visitor: httpx.AsyncClient, model: ScriptedModel, text: str) -> None:
    model.pieces = [f"So: {text}!"]
    await asked(visitor, "Repeat")
    page = await found(visitor, text)
    assert unescape("".join(MARKED.findall(page.text))) == text.replace(" ", "")
    assert "<script>alert" not in page.text


# --- the search ------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(client: Client) -> Store:
    return Store(client, "web", ttl=3600, max_exchanges=50)


async def tell(store: Store, chat: str, *exchanges: Exchange) -> None:
    """Store a chat as its worker does."""
    async with store.client.pipeline() as pipe:
        for each in exchanges:
            pipe.rpush(f"{store.prefix}c:{chat}:history", each.turn)
            pipe.hset(f"{store.prefix}c:{chat}:exchanges", each.turn, each.to_json())
        await pipe.execute()


def places(result: Found) -> list[tuple[str, str]]:
    return [(chat, place.turn) for chat, _, places in result.chats for place in places]


async def test_newest_chats_and_turns_come_first_and_files_by_name(store: Store) -> None:
    file = Attachment("1", "Bericht-Übersicht.pdf")
    await tell(store, "old", Exchange("1", "x", "word", "done"))
    await tell(store, "new", Exchange("2", "word", "x", "done"), Exchange("3", "x", "x", "done", attachments=(file,)))
    chats = [("new", ""), ("old", "")]
    assert places(await search(store, chats, "word")) == [("new", "2"), ("old", "1")]
    assert places(await search(store, chats, "ubersicht")) == [("new", "3")]
    assert places(await search(store, chats, "x")) == [("new", "3"), ("new", "2"), ("old", "1")]


async def test_a_title_is_found_whose_question_is_gone(store: Store) -> None:
    await tell(store, "a", Exchange("1", "later", "x", "done"))
    result = await search(store, [("a", "The first question"), ("b", "first")], "first")
    assert places(result) == [("a", ""), ("b", "")]
    assert result.chats[0][2][0].pieces == [("The ", False), ("first", True), (" question", False)]


async def test_each_word_must_be_there_in_question_or_answer(store: Store) -> None:
    await tell(store, "a", Exchange("1", "red", "green", "done"), Exchange("2", "red", "blue", "done"))
    assert places(await search(store, [("a", "")], "green red")) == [("a", "1")]


async def test_the_places_are_bounded(store: Store) -> None:
    await tell(store, "a", *[Exchange(str(number), "word", "x", "done") for number in range(MOST_FOUND)])
    full = await search(store, [("a", "")], "word")
    assert (full.count, full.has_more) == (MOST_FOUND, False)
    await tell(store, "b", Exchange("one more", "word", "x", "done"))
    more = await search(store, [("a", ""), ("b", "")], "word")
    assert (more.count, more.has_more) == (MOST_FOUND, True)
    assert len(places(more)) == MOST_FOUND


async def test_the_work_is_bounded_and_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    chats = [(f"chat {number}", "") for number in range(20)]
    for chat, _ in chats:
        await tell(store, chat, Exchange("1", "ü" * 100, "word", "done"))
    assert not (await search(store, chats, "word")).is_partial
    monkeypatch.setattr(module, "MOST_WORK", 5000)
    bounded = await search(store, chats, "word")
    assert bounded.is_partial
    assert 0 < bounded.count < len(chats)
    assert 5000 < bounded.work < 20_000


async def test_two_hundred_chats_are_searched_to_the_oldest(store: Store) -> None:
    words = [f"{first}{second}ßé" for first in "bcdfglmnprst" for second in "aeiouäöé"]
    chats = [(f"chat {number}", "") for number in range(MOST_CHATS)]
    for number, (chat, _) in enumerate(chats):
        answer = " ".join(words[number % 7 :] * 3)
        await tell(store, chat, *[Exchange(str(turn), "Q", answer, "done") for turn in range(3)])
    await tell(store, chats[-1][0], Exchange("last", "Q", "a zebra", "done"))
    result = await search(store, chats, "zebra")
    assert places(result) == [(chats[-1][0], "last")]
    assert not result.is_partial


# --- folding and snippets --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Résumé", "resume"), ("Re\u0301sume\u0301", "RÉSUMÉ"), ("Straße", "STRASSE"), ("ＡＢＣ", "abc"), ("ﬁn", "fin"),
        ("İstanbul", "istanbul"), ("Όσος", "οσοσ"), ("Ёлка", "елка"), ("שָׁלוֹם", "שלום"), ("مُحَمَّد", "محمد"), ("Ǆ", "ǆ"),
        ("한국어", "한국"), ("日本語", "本"), ("τῷ", "τω"), ("Ångström", "angstrom"), ("x²", "x2"),
    ],
)  # fmt: skip
def test_case_accents_and_widths_do_not_count(text: str, word: str) -> None:
    assert fold(word) in fold(text)


@pytest.mark.parametrize(("text", "word"), [("かがく", "かかく"), ("กิน", "กน"), ("हिन्दी", "हन्द")])
def test_marks_that_make_another_letter_count(text: str, word: str) -> None:
    assert fold(word) not in fold(text)


ODD = ["", "a", "ß", "e\u0301", "\u0301x", "ﬃß" * 700, "İé" * 600 + "end", "𝔸🙂" * 300, "\ud800", "한" * 501]


@pytest.mark.parametrize("text", ODD)
def test_each_folded_character_knows_where_it_comes_from(text: str) -> None:
    found, of = fold(text), offsets(text)
    assert len(of) == len(found)
    assert of == sorted(of)
    for place in range(0, len(found), max(1, len(found) // 40)):
        assert unfolded(text, place) == of[place]


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("plain", ["lai"], "p[lai]n"),
        ("Die Straße nach Köln", ["strasse", "koln"], "Die [Straße] nach [Köln]"),
        ("Ko\u0308ln", ["kol"], "[Ko\u0308l]n"),
        ("aß", ["as"], "[aß]"),
        ("a\n\n b\tc", ["b"], "a [b] c"),
        ("banana", ["ana", "an"], "b[ana]na"),
        ("nothing", ["zebra"], "nothing"),
        ("", ["x"], ""),
    ],
)
def test_words_are_marked_as_they_are_written(text: str, words: list[str], shown: str) -> None:
    assert "".join(f"[{piece}]" if is_marked else piece for piece, is_marked in snippet(text, words)) == shown


def test_a_snippet_is_short_and_has_the_word_wherever_it_stands() -> None:
    for before in (0, 1, 39, 41, 1000):
        for filler in ("lorem ", "x", "日", "é "):
            pieces = snippet(filler * before + "needle" + filler * 1000, ["needle"])
            assert ("needle", True) in pieces
            assert len("".join(piece for piece, _ in pieces)) <= 202
