"""Files in a question on the page, over HTTP: what reaches the model, and what is refused before it costs memory."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from glados_bots.attachments.contents import Contents, name_of
from glados_bots.conversation import Picture
from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_web import uploads
from glados_web.app import create_app
from glados_web.chats import new_conversation
from glados_web.uploads import MB, Limits, shown
from tests.contents import holding
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.waiting import LONGEST_S, until
from tests.web.conftest import english, words_of
from tests.web.test_http import events

OURS = {"Sec-Fetch-Site": "same-origin"}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
BOUNDARY = "b0undary"


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    """Small limits: a test of what is too large stays small."""
    return settings.model_copy(update={"attachment_max_mb": 1, "attachments_max": 3})


def file(name: str, content: bytes, kind: str = "text/plain") -> tuple[str, tuple[str, bytes, str]]:
    return "files", (name, content, kind)


async def post(
    visitor: httpx.AsyncClient,
    conversation: str,
    *files: tuple[str, tuple[str, bytes, str]],
    text: str = "",
    key: str = "k1",
) -> httpx.Response:
    return await visitor.post(
        f"/c/{conversation}/messages", data={"text": text, "key": key}, files=list(files), headers=OURS
    )


async def test_the_words_of_a_file_reach_the_model_and_its_bytes_stay_nowhere(
    visitor: httpx.AsyncClient, model: ScriptedModel, client: Client
) -> None:
    conversation, secret = new_conversation(), "a marker 7f3a"
    response = await post(visitor, conversation, file("notes.txt", secret.encode()), text="What is in it?")
    assert response.status_code == 202, response.text
    await events(visitor, conversation, response.json()["turn"])
    asked = model.prompts[0][-1]["content"]
    assert asked.startswith("What is in it?")
    assert secret in asked
    assert await holding(client, base64.b64encode(secret.encode()).decode()) == []
    page = words_of(await visitor.get(f"/c/{conversation}"))
    assert "<bdi>notes.txt</bdi>" in page
    await visitor.post(f"/c/{conversation}/delete", json={})
    assert await holding(client, secret) == []


async def test_files_alone_are_a_question_which_the_first_of_them_names(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    conversation = new_conversation()
    response = await post(visitor, conversation, file("plan.md", b"# Plan"), file("b.csv", b"1,2"), text=" \n")
    await events(visitor, conversation, response.json()["turn"])
    assert "# Plan" in model.prompts[0][-1]["content"]
    assert "1,2" in model.prompts[0][-1]["content"]
    assert "<title>plan.md · GLaDOS</title>" in (await visitor.get(f"/c/{conversation}")).text


async def test_a_question_sent_again_is_one_turn_and_a_file_sent_twice_is_one_file(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    conversation = new_conversation()
    turns = set()
    for _ in range(2):
        response = await post(visitor, conversation, file("a.txt", b"once"), file("copy.txt", b"once"), text="Hi")
        turns.add(response.json()["turn"])
    assert len(turns) == 1
    await events(visitor, conversation, turns.pop())
    assert len(model.prompts) == 1
    assert str(model.prompts[0][-1]["content"]).count("once") == 1


async def test_a_file_that_nobody_has_read_yet_goes_with_its_chat(
    visitor: httpx.AsyncClient, model: ScriptedModel, client: Client
) -> None:
    model.gate.clear()
    conversation, marker = new_conversation(), base64.b64encode(b"a marker 51c7 of its own").decode()
    await post(visitor, conversation, file("1.txt", b"first"), key="k1")
    await model.reached.wait()
    await post(visitor, conversation, file("2.txt", base64.b64decode(marker)), key="k2")
    assert len(await holding(client, marker)) == 1
    await visitor.post(f"/c/{conversation}/delete", json={})
    model.gate.set()
    await until(lambda: _is_gone(client, marker))


async def _is_gone(client: Client, words: str) -> bool:
    return await holding(client, words) == []


async def test_an_edit_keeps_the_files(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    conversation = new_conversation()
    turn = (await post(visitor, conversation, file("a.txt", b"kept words"), text="Old")).json()["turn"]
    await events(visitor, conversation, turn)
    for text in ("New", ""):
        response = await visitor.post(f"/c/{conversation}/turns/{turn}/edit", json={"text": text})
        assert response.json() == {"status": "queued", "text": text}
        await events(visitor, conversation, turn)
        assert "kept words" in model.prompts[-1][-1]["content"]
        assert ("Old" in model.prompts[-1][-1]["content"], text in model.prompts[-1][-1]["content"]) == (False, True)


async def test_a_question_asked_elsewhere_comes_with_its_files_names(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.gate.clear()
    conversation = new_conversation()
    await post(visitor, conversation, file("a.txt", b"x"), text="Hi")
    async with visitor.stream("GET", f"/c/{conversation}/events") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: ") and "turns" in (told := json.loads(line[6:])):
                assert told["turns"][0]["files"] == ["a.txt"]
                break
    model.gate.set()


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "status", "sentence"),
    [
        ([file("big.bin", b"x" * (MB + 1))], 413, english("page-file-too-large", name="big.bin", most=1)),
        ([file(f"{n}.bin", bytes([n]) * MB) for n in range(3)], 413, english("page-files-too-large", most=2)),
        ([file(f"{n}.txt", b"x") for n in range(4)], 413, english("page-files-too-many", most=3)),
        ([file(f"{n}.txt", b"x") for n in range(100)], 400, english("page-form-wrong", most=3)),
        ([("other", ("a.txt", b"x", "text/plain"))], 400, english("page-form-wrong", most=3)),
        ([("text", ("a.txt", b"x", "text/plain"))], 400, english("page-form-wrong", most=3)),
        ([("files", (None, b"x", None)), file("a.txt", b"x")], 400, english("page-form-wrong", most=3)),
    ],
)
async def test_a_form_that_breaks_a_limit_is_refused_and_leaves_nothing(
    visitor: httpx.AsyncClient,
    client: Client,
    files: list[tuple[str, tuple[str, bytes, str]]],
    status: int,
    sentence: str,
) -> None:
    response = await post(visitor, new_conversation(), *files)
    assert (response.status_code, response.json()["error"]) == (status, sentence)
    assert [key async for key in client.scan_iter("glados:{web}:[cft]:*")] == []


async def test_files_can_be_switched_off(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"attachment_max_mb": 0}))
    async with running(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as visitor:
        assert "picker" not in (await visitor.get("/")).text
        response = await post(visitor, new_conversation(), file("a.txt", b"x"))
        assert (response.status_code, response.json()["error"]) == (403, english("page-files-off"))


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
async def test_a_form_of_another_site_is_refused(visitor: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Any site can send a form, so the browser must name ours."""
    response = await visitor.post(
        f"/c/{new_conversation()}/messages", data={"text": "x", "key": "k"}, files=[file("a", b"x")], headers=headers
    )
    assert (response.status_code, response.json()["error"]) == (403, english("door-other-page"))


async def test_a_browser_that_we_do_not_know_sends_no_file(site: str, locked: str) -> None:
    for url, status in ((site, 403), (locked, 401)):
        async with httpx.AsyncClient(base_url=url, trust_env=False) as stranger:
            assert (await post(stranger, new_conversation(), file("a.txt", b"x"))).status_code == status


# --- hostile bodies --------------------------------------------------------------------------------------------------


def part(disposition: str, content: bytes, more: str = "") -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n".encode() + content + b"\r\n"


FIELDS = part('name="text"', b"Hi") + part('name="key"', b"k")
A_FILE = 'name="files"; filename="a"'
END = f"--{BOUNDARY}--\r\n".encode()


async def send(visitor: httpx.AsyncClient, body: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> int:
    headers = {**OURS, "Content-Type": kind}
    response = await visitor.post(f"/c/{new_conversation()}/messages", content=body, headers=headers)
    assert response.status_code == 202 or response.json()["error"]
    return response.status_code


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(FIELDS + END, 202, id="well-formed"),
        pytest.param(FIELDS, 400, id="without its end"),
        pytest.param(b"", 400, id="empty"),
        pytest.param(part('name="text"', b" ") + part('name="key"', b"k") + END, 400, id="that asks nothing"),
        pytest.param(b"\x00" * 1000, 400, id="no form"),
        pytest.param(part('name="text"', b"Hi") + END, 400, id="without a key"),
        pytest.param(FIELDS + part('name="key"', b"k2") + END, 400, id="a third field"),
        pytest.param(FIELDS + part('filename="a"', b"x") + END, 400, id="a part without a name"),
        pytest.param(
            FIELDS + part('name="files"; filename="a"', b"x", "X: " + "y" * 9000 + "\r\n") + END, 400, id="head"
        ),
        pytest.param(FIELDS + part('name="files"; filename="a"', b"x", "X: y\r\n" * 99) + END, 400, id="99 headers"),
        pytest.param(part('name="text"', b"x" * 40_000) + part('name="key"', b"k") + END, 400, id="a long text"),
        pytest.param(part('name="text"', b"x" * 2001) + part('name="key"', b"k") + END, 413, id="a text too long"),
        pytest.param(part('name="text"', b"x") + part('name="key"', b"k" * 101) + END, 400, id="a long key"),
    ],
)
async def test_a_malformed_form_gets_a_clear_answer(visitor: httpx.AsyncClient, body: bytes, status: int) -> None:
    assert await send(visitor, body) == status


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 300}",
        f"multipart/form-data; boundary={BOUNDARY}; charset=punycode",
    ],
)
async def test_a_form_without_a_usable_boundary_is_refused(visitor: httpx.AsyncClient, kind: str) -> None:
    assert await send(visitor, FIELDS + END, kind) == 400


@asynccontextmanager
async def raw(
    visitor: httpx.AsyncClient, site: str, length: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which the head of a form was sent, with a header that tells the length of its body."""
    await visitor.get("/")
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    address = urlsplit(site)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"POST /c/{new_conversation()}/messages HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {cookie}\r\n"
        f"Sec-Fetch-Site: same-origin\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n{length}\r\n\r\n"
    )
    writer.write(head.encode())
    yield reader, writer
    writer.close()


async def test_a_file_that_is_announced_too_large_is_refused_before_a_byte_is_read(
    visitor: httpx.AsyncClient, site: str
) -> None:
    async with raw(visitor, site, f"Content-Length: {2**30}") as (reader, _):
        told = await asyncio.wait_for(reader.readuntil(b"}"), LONGEST_S)
    assert told.startswith(b"HTTP/1.1 413")
    assert english("page-files-too-large", most=2).encode() in told


async def test_an_endless_body_is_refused_by_what_arrives(visitor: httpx.AsyncClient, site: str) -> None:
    async with raw(visitor, site, "Transfer-Encoding: chunked") as (reader, writer):
        told = asyncio.create_task(reader.readuntil(b"}"))
        chunk = FIELDS + f"--{BOUNDARY}\r\nContent-Disposition: form-data; {A_FILE}\r\n\r\n".encode()
        sent = 0
        while not told.done():
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            await writer.drain()
            sent += len(chunk)
            chunk = b"x" * 65536
            assert sent < 64 * MB
        assert (await told).startswith(b"HTTP/1.1 413")


async def test_a_browser_that_leaves_in_the_middle_is_no_error(
    visitor: httpx.AsyncClient, site: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async with raw(visitor, site, "Content-Length: 100000") as (_, writer):
        writer.write(FIELDS)
        await writer.drain()
    await visitor.get("/health")
    assert [key async for key in client.scan_iter("glados:{web}:[cft]:*")] == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for two of the largest forms, so for one of each visitor."""
    monkeypatch.setattr(uploads, "ROOM_MB", 0)


@pytest.mark.usefixtures("narrow")
async def test_one_visitor_cannot_take_the_room_of_all(settings: Settings) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield FIELDS
        begun.set()
        await go_on.wait()
        yield END

    async with (
        running(create_app(settings)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as visitor,
        httpx.AsyncClient(base_url=url, trust_env=False) as other,
    ):
        for each in (visitor, other):
            await each.get("/")
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        headers = {**OURS, "Content-Type": kind}
        held = asyncio.create_task(visitor.post(f"/c/{new_conversation()}/messages", content=slow(), headers=headers))
        await begun.wait()
        await until(lambda: _is_full(visitor))
        response = await post(visitor, new_conversation(), file("a.txt", b"x"))
        assert (response.status_code, response.json()["error"]) == (503, english("page-uploads-full"))
        assert response.headers["retry-after"] == "2"
        assert (await post(other, new_conversation(), file("a.txt", b"x"), text="Hi")).status_code == 202
        go_on.set()
        assert (await held).status_code == 202
        assert (await post(visitor, new_conversation(), file("a.txt", b"x"), text="Hi")).status_code == 202


async def test_files_that_wait_in_redis_are_bounded(
    settings: Settings, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    """With room for one file in Redis, the next one waits until a worker has read that one."""
    monkeypatch.setattr(uploads, "UNREAD_MB", 1)
    model.gate.clear()
    async with (
        running(create_app(settings)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as visitor,
    ):
        await visitor.get("/")
        conversation, words = new_conversation(), b"x" * 300_000
        first = (await post(visitor, conversation, file("1.txt", words), text="1", key="k1")).json()["turn"]
        await model.reached.wait()
        second = (await post(visitor, conversation, file("2.txt", words), text="2", key="k2")).json()["turn"]
        third = await post(visitor, conversation, file("3.txt", words), text="3", key="k3")
        assert (third.status_code, third.json()["error"]) == (503, english("page-uploads-full"))
        await visitor.post(f"/c/{conversation}/turns/{second}/stop", json={})
        model.gate.set()
        for turn in (first, second):
            await events(visitor, conversation, turn)
        assert 0 < await client.ttl(f"glados:{{web}}:f:{second}") <= 3600
        assert await client.ttl(f"glados:{{web}}:f:{first}") > 3600
        assert (await post(visitor, conversation, file("3.txt", words), key="k3")).status_code == 503, "still unread"
        await visitor.post(f"/c/{conversation}/turns/{second}/redo", json={})
        await events(visitor, conversation, second)
        assert (await post(visitor, conversation, file("3.txt", words), key="k3")).status_code == 202


async def _is_full(visitor: httpx.AsyncClient) -> bool:
    return await send(visitor, b"no form") == 503


# --- names and pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("notes.txt", "notes.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\plan.docx", "plan.docx"),
        ("a\u202egnp.exe\x00\x1b[31m\n.txt", "agnp.exe[31m.txt"),
        ("x" * 4000 + ".pdf", "x" * 99 + "…" + "x" * 16 + ".pdf"),
        ("", "file"),
        ("///", "file"),
        (None, "file"),
        ("日本語 レポート.pdf", "日本語 レポート.pdf"),
    ],
)
def test_a_name_is_only_a_name(name: str | None, told: str) -> None:
    assert shown(name) == told


async def test_hostile_names_are_harmless_on_the_page(visitor: httpx.AsyncClient) -> None:
    conversation = new_conversation()
    names = ["<script>alert(1)</script>.txt", "..\\..\\" + "y" * 3900, "q\"' onerror=x .txt"]
    files = [file(name, name.encode()) for name in names]
    response = await post(visitor, conversation, *files, text="Hi")
    assert response.status_code == 202, response.text
    await events(visitor, conversation, response.json()["turn"])
    page = (await visitor.get(f"/c/{conversation}")).text
    assert "<script>alert" not in page
    assert page.count("<bdi>") == 3
    assert "y" * 130 not in page


@pytest.fixture
async def pictured(visitor: httpx.AsyncClient, client: Client) -> tuple[str, str]:
    """Paths of a question with a picture that was read, and of one whose kind is none that we show."""
    conversation = new_conversation()
    turn = (await post(visitor, conversation, file("a.png", PNG, "image/png"), text="Look")).json()["turn"]
    await events(visitor, conversation, turn)
    for name, kind in ((name_of(PNG), "image/png"), ("other", "text/html")):
        read = Contents(name, pictures=(Picture(base64.b64encode(PNG).decode(), kind, 1, 1),))
        await client.hset(f"glados:{{web}}:f:{turn}", name, read.to_json())
    place = f"/c/{conversation}/turns/{turn}/pictures"
    return f"{place}/{name_of(PNG)}", f"{place}/other"


async def test_a_picture_is_shown_to_its_owner_only_and_can_do_nothing(
    visitor: httpx.AsyncClient, pictured: tuple[str, str], site: str
) -> None:
    good, bad = pictured
    response = await visitor.get(good)
    assert (response.status_code, response.content) == (200, PNG)
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    policies = response.headers.get_list("content-security-policy")
    assert policies[-1].endswith("sandbox")
    assert any("default-src 'none'" in policy for policy in policies)
    for nothing in (bad, f"{good}0", good.replace("/turns/", "/turns/0")):
        assert (await visitor.get(nothing)).status_code == 404
    async with httpx.AsyncClient(base_url=site, trust_env=False) as other:
        await other.get("/")
        assert (await other.get(good)).status_code == 404


# --- the limits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most_mb", "most_files", "limits"),
    [(20, 10, Limits(10, 20, 40)), (1, 1, Limits(1, 1, 2)), (500, 50, Limits(50, 64, 64)), (0, 9, Limits(0, 0, 0))],
)
def test_what_a_question_may_have(most_mb: int, most_files: int, limits: Limits) -> None:
    assert Limits.of(Settings(attachment_max_mb=most_mb, attachments_max=most_files)) == limits
