"""Browsers at the page as a far end: each has a cookie, keeps chats, follows answers as the page's script does.

What counts in the end is the page as it loads.
"""

import asyncio
import contextlib
import html
import json
import random
import re
import time
from collections.abc import Iterator
from typing import Any, Self

import httpx

from glados_bots.store.connection import Client
from tests.servers import free_port
from tests.soak.browsers import Browser, Watched
from tests.soak.far_ends import Glances
from tests.soak.questions import WHICH, Misdeeds, Question, Seen, Version, whole

THREADS_OF_A_BROWSER = 5
RETRY_S = 1.0  # the page's script: 0.25 to 3 s
RECONNECT_S = 0.5
SILENT_S = 25.0  # as in the page's script; it is told something every ten
FINAL = ("done", "stopped", "failed", "removed")
CHAT = re.compile(r'data-conversation="([\w-]+)"')
TURN = re.compile(r'<section class="turn" id="\w+" data-turn="(\w+)" data-state="(\w+)".*?>(.*?)</section>', re.DOTALL)
SOURCE = re.compile(r"<pre .*?</pre>|<button .*?</button>", re.DOTALL)  # the answer once more, and what can be pressed
TAGS = re.compile(r"<[^>]*>")


class WebEnd:
    """The page's people."""

    name = "web"
    in_order = True
    can: tuple[str, ...] = ("redo",)

    def __init__(self, seed: int = 0) -> None:
        self._port = free_port()
        self._browsers: dict[int, Browser] = {}
        self._watched: dict[int, Watched] = {}  # by number of the question
        self._keys = random.Random(f"keys {seed}")  # noqa: S311 - dice
        self._following: set[asyncio.Task[None]] = set()
        self._glances = Glances()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *args: object) -> None:
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        for browser in self._browsers.values():
            await browser.http.aclose()

    async def prepare(self, store: Client) -> None:
        """Nothing."""

    def envs(self, replicas: int) -> list[dict[str, str]]:
        """Settings of `glados web`: one process, as it has one port."""
        del replicas
        return [{"GLADOS_WEB_PORT": str(self._port)}]

    async def is_ready(self, replicas: int) -> bool:
        """By a request."""
        del replicas
        with contextlib.suppress(httpx.HTTPError):
            async with self._client() as http:
                return (await http.get("/health")).is_success
        return False

    def _client(self) -> httpx.AsyncClient:
        # A browser has no longest time for a request; this one must not hang for ever on a process that was stopped.
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self._port}", trust_env=False, timeout=SILENT_S, follow_redirects=True
        )

    def may_ask(self, thread: int) -> bool:
        """Always: a chat begins with its first question."""
        del thread
        return True

    async def ask(self, question: Question) -> None:
        """Send a question; again with the same key until the page has it, as its script does."""
        browser = self._browser(question.thread)
        chat = await self._chat(browser, question.thread)
        body = {"text": question.text, "key": f"{self._keys.getrandbits(64):x}"}
        answer = await self._insist(browser, f"/c/{chat}/messages", body)
        watched = self._watched[question.number] = Watched(question, answer["turn"])
        self._follow(browser, chat, watched)

    async def edit(self, question: Question) -> None:
        """The page has no such thing."""
        raise NotImplementedError

    async def delete(self, question: Question) -> None:
        """The page deletes whole chats only."""
        raise NotImplementedError

    async def redo(self, question: Question) -> None:
        """Press Regenerate, and follow the new answer."""
        browser, watched = self._browser(question.thread), self._watched[question.number]
        chat = browser.chats[question.thread]
        await self._insist(browser, f"/c/{chat}/turns/{watched.turn}/redo", {})
        watched.text, watched.is_final = "", False
        self._follow(browser, chat, watched)

    def _browser(self, thread: int) -> Browser:
        number = thread // THREADS_OF_A_BROWSER
        if number not in self._browsers:
            self._browsers[number] = Browser(self._client())
        return self._browsers[number]

    async def _chat(self, browser: Browser, thread: int) -> str:
        async with browser.opening:  # a browser's first answer brings the cookie
            while thread not in browser.chats:
                with contextlib.suppress(httpx.HTTPError):
                    page = (await browser.http.get("/?new")).raise_for_status().text
                    found = CHAT.search(page)
                    assert found, page[:1000]
                    browser.chats[thread] = found[1]
                    break
                await asyncio.sleep(RETRY_S)
        return browser.chats[thread]

    async def _insist(self, browser: Browser, path: str, body: dict[str, str]) -> Any:
        """The page's answer, however often it takes. Raises HTTPStatusError when the page refuses for good."""
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await browser.http.post(path, json=body)
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    return answer.raise_for_status().json()
            await asyncio.sleep(RETRY_S)

    def _follow(self, browser: Browser, chat: str, watched: Watched) -> None:
        task = asyncio.create_task(self._watch(browser, chat, watched))
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _watch(self, browser: Browser, chat: str, watched: Watched) -> None:
        """One answer, over as many connections as it takes."""
        while not watched.is_final:
            with contextlib.suppress(httpx.HTTPError):
                async with browser.http.stream("GET", f"/c/{chat}/turns/{watched.turn}") as response:
                    response.raise_for_status()
                    blocks = list[str]()
                    async for line in response.aiter_lines():
                        if line.startswith("data: ") and "from" in (view := json.loads(line[6:])):
                            blocks[view["from"] :] = view["blocks"]
                            self._show(watched, "\n".join(blocks), view)
            await asyncio.sleep(0 if watched.is_final else RECONNECT_S)

    def _show(self, watched: Watched, blocks: str, view: dict[str, Any]) -> None:
        watched.text = _words(blocks)
        watched.is_final = view["state"] in FINAL
        if "answer" in watched.text:
            watched.words_at = watched.words_at or self.now()
        if watched.is_final and whole(watched.text):
            watched.done_at = watched.done_at or self.now()

    def whole(self, thread: int) -> set[Version]:
        """By the ends of answers in the browser."""
        return self._glances.at(self._texts, thread)[0]

    def begun(self, thread: int) -> set[int]:
        """By the beginnings of answers in the browser."""
        return self._glances.at(self._texts, thread)[1]

    def _texts(self) -> Iterator[tuple[int | None, str]]:
        # Words that end are no whole answer before the page says so: only then can it be asked for again.
        for one in self._watched.values():
            yield one.question.thread, one.text if one.is_final else one.text.replace("end", "")

    async def look(self) -> list[Seen]:
        """Every chat as it loads now. An answer under another question stands in no thread."""
        found = list[Seen]()
        for browser in self._browsers.values():
            for thread, chat in browser.chats.items():
                found += self._chat_seen(thread, await self._load(browser, chat))
        return found

    async def _load(self, browser: Browser, chat: str) -> str:
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await browser.http.get(f"/c/{chat}")
                if answer.status_code == httpx.codes.NOT_FOUND:  # nothing was ever asked in it
                    return ""
                if answer.is_success:
                    return answer.text
            await asyncio.sleep(RETRY_S)

    def _chat_seen(self, thread: int, page: str) -> Iterator[Seen]:
        watched = {one.turn: one for one in self._watched.values()}
        for order, (turn, state, section) in enumerate(TURN.findall(page)):
            question, _, answer = SOURCE.sub("", section).partition("</div>")
            text = _words(answer)
            one, now = watched.get(turn), self.now()
            asked = {int(number) for number, _ in WHICH.findall(_words(question))}
            words_at, done_at = (one.words_at, one.done_at or now) if one else (None, now)
            seen = Seen(thread, text, order, words_at, done_at, state not in FINAL, is_timed=False)
            yield seen if seen.numbers <= asked else Seen(None, text, order)

    def misdeeds(self) -> Misdeeds:
        """A page notifies nobody, and refuses nothing."""
        return Misdeeds()

    def story(self, number: int) -> list[str]:
        """What the browser shows."""
        return [str(self._watched.get(number, "never sent"))]

    def given_up(self) -> int:
        """There are no events."""
        return 0

    def is_busy(self) -> bool:
        """Answers that some browser still waits for."""
        return bool(self._following)

    def now(self) -> float:
        """The machine's clock."""
        return time.time()

    def full(self) -> list[str]:
        """There are no limits here."""
        return []


def _words(fragment: str) -> str:
    """A piece of a page as it is read."""
    return html.unescape(TAGS.sub("", fragment)).strip()
