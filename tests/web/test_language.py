"""The browser's language over HTTP: which one each response is in, and that no header breaks anything."""

import asyncio
import json
from html.parser import HTMLParser

import httpx
import pytest

from glados_bots.settings import Settings
from glados_bots.wording.catalogue import template
from glados_bots.wording.languages import NAMES, PSEUDO
from glados_bots.wording.sentence import say
from glados_web import pages
from glados_web.app import create_app
from glados_web.chats import new_conversation
from glados_web.pages import SCRIPTS_SAY
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.conftest import browser, words_of
from tests.web.test_http import ask, events

LANGUAGES = [*NAMES, PSEUDO]
# Each page that people see, with a sentence on it.
PAGES = {"/": "page-welcome", "/status?still": "status-well", "/c/none": "page-no-chat", "/nowhere": "page-not-found"}


class Found(HTMLParser):
    """What a page says of itself: its language, and the words that its scripts say."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.language = ""
        self.words = ""
        self.scripts = 0
        self._is_in_words = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.language = given.get("lang") or self.language
        self.scripts += tag == "script"
        self._is_in_words = given.get("id") == "words"

    def handle_data(self, data: str) -> None:
        self.words += data if self._is_in_words else ""

    def handle_endtag(self, _: str) -> None:
        self._is_in_words = False


def assert_speaks(response: httpx.Response, language: str, sentence: str) -> None:
    assert say(sentence).in_language(language) in words_of(response)
    assert Found(response.text).language == language
    assert response.headers["content-language"] == language
    assert response.headers["vary"] == "Accept-Language"
    assert response.headers["cache-control"] == "no-store"
    assert "unsafe" not in response.headers["content-security-policy"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_in_the_browsers_language(site: str, locked: str, language: str) -> None:
    async with browser(site) as client:
        for path, sentence in PAGES.items():
            assert_speaks(await client.get(path, headers={"Accept-Language": language}), language, sentence)
    async with browser(locked) as client:
        assert_speaks(await client.get("/sign-in", headers={"Accept-Language": language}), language, "door-heading")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_scripts_say_what_stands_in_the_page(site: str, language: str) -> None:
    async with browser(site) as client:
        shown = await client.get("/", headers={"Accept-Language": language})
    assert json.loads(Found(shown.text).words) == {name: template(name, language) for name in SCRIPTS_SAY}


@pytest.mark.parametrize("words", ["</script><script>alert(1)</script>", "<!--<script>", "\u2028 ' \" & ]]> {status}"])
async def test_no_word_ends_the_element_that_holds_them(site: str, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setattr(pages, "template", lambda *_: words)
    async with browser(site) as client:
        shown = Found((await client.get("/")).text)
    assert json.loads(shown.words) == dict.fromkeys(SCRIPTS_SAY, words)
    assert shown.scripts == 2


@pytest.mark.parametrize("language", LANGUAGES)
async def test_errors_for_programs_are_in_their_language(visitor: httpx.AsyncClient, language: str) -> None:
    headers = {"Accept-Language": language, "Content-Type": "application/json"}
    chat = f"/c/{new_conversation()}"
    for path, body, said in (
        (f"{chat}/messages", b'{"text": "", "key": "k"}', say("page-message-empty")),
        (f"{chat}/messages", b'{"text": "x", "key": ""}', say("page-key-wrong", most=100)),
        (f"{chat}/messages", b"x", say("page-not-json", form='{"text": "...", "key": "..."}')),
        (f"{chat}/messages", b"\xff", say("page-not-utf8")),
        (f"{chat}/messages", b"x" * 100_000, say("page-message-too-long", most=2000)),
        (f"{chat}/clear", b"{}", say("page-no-chat")),
        ("/health", b"{}", say("page-refused", status="405")),
    ):
        response = await visitor.post(path, content=body, headers=headers)
        assert response.json() == {"error": said.in_language(language)}
        assert response.headers["content-language"] == language
        assert response.headers["vary"] == "Accept-Language"


async def test_notices_are_in_the_language_of_who_asked_and_an_end_in_that_of_who_reads(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.gate.clear()
    conversation = new_conversation()
    visitor.headers["Accept-Language"] = "de"
    first = await ask(visitor, conversation, "one", key="1")
    await model.reached.wait()
    second = await ask(visitor, conversation, "two", key="2")
    async with visitor.stream("GET", f"/c/{conversation}/turns/{second}") as response:
        assert response.headers["cache-control"] == "no-store"
        async for line in response.aiter_lines():
            if line.startswith("data: ") and (notice := json.loads(line[6:])["notice"]):
                break
    assert notice == say("queued-next").in_language("de")
    await visitor.post(f"/c/{conversation}/turns/{first}/stop", json={})
    assert (await events(visitor, conversation, first))[-1]["notice"] == say("stopped").in_language("de")
    model.gate.set()
    await events(visitor, conversation, second)
    page = await visitor.get(f"/c/{conversation}", headers={"Accept-Language": "ja"})
    assert say("stopped").in_language("ja") in page.text


async def test_who_wants_none_of_our_languages_gets_the_operators(settings: Settings) -> None:
    french = settings.model_copy(update={"language": "fr"})
    async with running(create_app(french)) as url, browser(url) as client:
        for wanted in ({}, {"Accept-Language": "da"}, {"Accept-Language": "*"}, {"Accept-Language": "de;q=0"}):
            assert_speaks(await client.get("/", headers=wanted), "fr", "page-welcome")
        assert_speaks(await client.get("/", headers={"Accept-Language": "da, es;q=0.1"}), "es", "page-welcome")
        refused = await client.get("/", headers={"Host": "evil.example"})
        assert refused.text == say("door-other-name", setting="GLADOS_WEB_PUBLIC_URL").in_language("fr")
        assert refused.headers["content-language"] == "fr"


@pytest.mark.parametrize(
    "wanted",
    [
        b"de" * 20_000,
        b"de," * 15_000,
        b'"><script>alert(1)</script>',
        b"</script><!--",
        b"../../../../etc/passwd",
        b"{{ 7 * 7 }} %s {0}",
        b"\xff\xfe\x80",
        b"de;q=" + b"9" * 5_000,
        b"en-XA-" + b"x" * 1_000,
        "ſé-Ⅷ".encode(),
    ],
    ids=lambda wanted: wanted[:20].decode("ascii", "replace"),
)
async def test_a_hostile_language_changes_nothing(site: str, wanted: bytes) -> None:
    async with browser(site) as client:
        for path, sentence in PAGES.items():
            shown = await client.get(path, headers={b"Accept-Language": wanted, b"Accept": b"text/html"})
            assert_speaks(shown, shown.headers["content-language"], sentence)
            assert shown.headers["content-language"] in LANGUAGES
            assert "alert(1)" not in shown.text


@pytest.mark.parametrize("wanted", [b"de\x00", b"\x1b[31mde", b"de\x7f", b"\t \t", b""])
async def test_control_characters_in_a_language_reach_no_page(site: str, wanted: bytes) -> None:
    """The protocol refuses them, or they are no language: never is it an error of ours."""
    host = httpx.URL(site)
    reader, writer = await asyncio.open_connection(host.host, host.port)
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Language: %s\r\n\r\n"
    writer.write(request % wanted)
    answer = await reader.read()
    writer.close()
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 200"))
    assert b"\x1b" not in answer
    assert b"\x00" not in answer


@pytest.mark.parametrize("path", ["/static/app.js", "/static/app.css", "/code.css", "/health"])
async def test_what_says_nothing_is_the_same_in_every_language(visitor: httpx.AsyncClient, path: str) -> None:
    found = [await visitor.get(path, headers={"Accept-Language": language}) for language in ("de", "ja")]
    assert found[0].content == found[1].content
    assert all("Accept-Language" not in response.headers.get("vary", "") for response in found)


async def test_files_travel_compressed_and_pages_do_not(visitor: httpx.AsyncClient) -> None:
    """The length of compressed text would tell of the secrets in it."""
    for path in ("/static/app.js", "/static/app.css", "/code.css"):
        squeezed = await visitor.get(path)
        assert squeezed.headers["content-encoding"] == "gzip"
        plain = await visitor.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == squeezed.content
        assert squeezed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    for path in ("/", "/status", "/health"):
        assert "content-encoding" not in (await visitor.get(path)).headers
