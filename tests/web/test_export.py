"""A chat and an answer as Markdown files: word for word, for the owner only, under a name that is safe anywhere."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import unquote

import httpx
import pytest

from glados_bots.conversation import Attachment, Exchange
from glados_web.chats import new_conversation
from glados_web.export import LONGEST_NAME, disposition, title_of, written
from tests.fakes.scripted_model import ScriptedModel
from tests.web.test_http import ask, events

ANSWER = "# Title\n\n* a\n  * b `x`\n\n| a |\n| - |\n| ü |\n\n<b>raw</b> \\*\n"


async def asked(visitor: httpx.AsyncClient, text: str, chat: str = "") -> tuple[str, str]:
    """An answered question: chat and turn."""
    chat = chat or new_conversation()
    turn = await ask(visitor, chat, text, text)
    await events(visitor, chat, turn)
    return chat, turn


async def test_a_chat_holds_every_question_and_answer_unchanged(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.pieces = [ANSWER]
    chat, _ = await asked(visitor, "What is **this**?\n\n- one\n- two")
    await asked(visitor, "And that?", chat)
    found = await visitor.get(f"/c/{chat}/chat.md")
    assert found.headers["content-type"] == "text/markdown; charset=utf-8"
    assert found.headers["content-disposition"].endswith("filename*=UTF-8''GLaDOS-What-is-this-one-two.md")
    assert found.headers["cache-control"] == "no-store"
    assert found.text.startswith("# What is **this**? - one - two\n\n*Exported on ")
    assert found.text.count(f"\n{ANSWER}") == 2
    assert "## Question\n\nWhat is **this**?\n\n- one\n- two\n\n## Answer · " in found.text
    assert re.search(r"^## Answer · .* UTC · scripted$", found.text, re.MULTILINE)


async def test_a_chat_is_exported_in_the_readers_language(visitor: httpx.AsyncClient) -> None:
    chat, _ = await asked(visitor, "Was?")
    found = await visitor.get(f"/c/{chat}/chat.md", headers={"Accept-Language": "de"})
    assert "## Frage\n\nWas?\n\n## Antwort · " in found.text
    assert found.headers["content-language"] == "de"


async def test_an_answer_as_a_file_is_its_markdown_to_the_byte(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.pieces = [ANSWER]
    chat, turn = await asked(visitor, "Rivers?")
    found = await visitor.get(f"/c/{chat}/turns/{turn}/answer.md")
    assert found.content == ANSWER.encode()
    assert found.headers["content-disposition"].startswith('attachment; filename="GLaDOS.md"')


async def test_what_has_no_answer_is_no_file(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    model.refusal = "too spicy"
    chat, turn = await asked(visitor, "Refuse me")
    for missing in (turn, "f" * 32, "..", "%00"):
        assert (await visitor.get(f"/c/{chat}/turns/{missing}/answer.md")).status_code == 404, missing
    assert "Refuse me\n\n## Answer" in (await visitor.get(f"/c/{chat}/chat.md")).text


LONG = "\n".join(f"print({number})" for number in range(61))
TABLE = "| a | b |\n| - | - |\n" + "\n".join(f"| {number} | =1 |" for number in range(21))


async def test_long_code_and_large_tables_are_files(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    model.pieces = [f"`count.py`:\n\n```python\n{LONG}\n```\n\n{TABLE}\n"]
    chat = new_conversation()
    turn = await ask(visitor, chat, "Count")
    last = (await events(visitor, chat, turn))[-1]
    assert last["files"] == ["count.py", "table.csv"]
    page = await visitor.get(f"/c/{chat}")
    for name, content in (("count.py", f"{LONG}\n".encode()), ("table.csv", csv_of_table())):
        address = f"/c/{chat}/turns/{turn}/files/{name}"
        assert f'href="{address}"' in page.text
        found = await visitor.get(address)
        assert found.content == content
        assert found.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert found.headers["content-type"] == "application/octet-stream"
    for missing in ("answer.md", "x.py", "%2e%2e%2fcount.py"):
        assert (await visitor.get(f"/c/{chat}/turns/{turn}/files/{missing}")).status_code == 404, missing


def csv_of_table() -> bytes:
    rows = [f"{number},'=1" for number in range(21)]
    return ("\ufeff" + "\r\n".join(["a,b", *rows]) + "\r\n").encode()


async def test_a_short_answer_has_no_files(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    model.pieces = ["```python\nx = 1\n```\n\n| a |\n| - |\n| b |\n"]
    chat = new_conversation()
    turn = await ask(visitor, chat, "Short")
    assert (await events(visitor, chat, turn))[-1]["files"] == []
    assert "/files/" not in (await visitor.get(f"/c/{chat}")).text


async def test_another_browser_gets_nothing(visitor: httpx.AsyncClient, site: str) -> None:
    chat, turn = await asked(visitor, "A secret")
    async with httpx.AsyncClient(base_url=site, trust_env=False) as stranger:
        await stranger.get("/")
        for path in (f"/c/{chat}/chat.md", f"/c/{chat}/turns/{turn}/answer.md"):
            found = await stranger.get(path)
            assert found.status_code == 404
            assert "secret" not in found.text


EXCHANGE = Exchange("t", "Look", "Seen", "done", model="m", at=1_795_000_000.0)
NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)


def test_files_are_named_with_their_question() -> None:
    files = tuple(Attachment(name, name) for name in ("a.pdf", "b\n# c.png"))
    assert "Look\n\n*Attached: a.pdf and b # c.png*\n\n## Answer" in written(
        "T", [replace(EXCHANGE, attachments=files)], NOW, ""
    )


def test_a_file_without_words_names_its_chat() -> None:
    alone = replace(EXCHANGE, question="", attachments=(Attachment("1", "Bericht 2026.pdf"),))
    assert title_of(alone) == "Bericht 2026.pdf"
    assert "## Question\n\n*Attached: Bericht 2026.pdf*\n\n## Answer" in written("T", [alone], NOW, "")


@pytest.mark.parametrize("fence", ["```", "~~~~"])
def test_an_open_fence_swallows_nothing(fence: str) -> None:
    open_ended = replace(EXCHANGE, answer=f"{fence}py\nx = 1", outcome="stopped")
    text = written("T", [open_ended, EXCHANGE], NOW, "")
    assert f"{fence}py\nx = 1\n{fence}\n\n*" in text


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("What is this?", "GLaDOS-What-is-this"),
        ("../../etc/passwd", "GLaDOS-etc-passwd"),
        ("con", "GLaDOS-con"),
        (".hidden", "GLaDOS-hidden"),
        ('a"; filename="evil.exe', "GLaDOS-a-filename-evil-exe"),
        ("x\r\nSet-Cookie: a=b", "GLaDOS-x-Set-Cookie-a-b"),
        ("\u202etxt.exe\x00", "GLaDOS-txt-exe"),
        ("Größe 日本語 हिन्दी", "GLaDOS-Größe-日本語-हिन्दी"),
        ("🙂", "GLaDOS"),
        ("", "GLaDOS"),
        ("x" * 4000, "GLaDOS-" + "x" * (LONGEST_NAME - 7)),
        ("\ud800", "GLaDOS"),
    ],
)  # fmt: skip
def test_a_name_is_safe_anywhere(title: str, name: str) -> None:
    header = disposition(title)
    assert header.isascii()
    assert header.isprintable()
    assert unquote(header.partition("UTF-8''")[2]) == f"{name}.md"
