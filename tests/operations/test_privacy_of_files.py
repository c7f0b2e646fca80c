"""A marker in every kind of file is nowhere after `forget`: not in Redis, on the disk or in a backup."""

import asyncio
import base64
from pathlib import Path

from glados_bots.adapter_core import AdapterCore
from glados_bots.conversation import Attachment, Turn
from glados_bots.operations import backup, privacy
from glados_bots.operations.privacy import Subject
from glados_bots.settings import Settings
from glados_bots.store.store import Store
from glados_web.answers.surface import WebSurface
from tests.attachments import making
from tests.contents import MARKER, contents, on_disk
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.waiting import until

KINDS = {
    "log": f"the pump {MARKER}".encode(),
    "latin.txt": f"für {MARKER} und größere Pumpen, überall schöne Grüße".encode("latin-1"),
    "csv": f"name,note\npump,{MARKER}\n".encode(),
    "html": f"<p>the pump <b>{MARKER}</b></p>".encode(),
    "eml": f"From: ada@example.org\nSubject: pump\n\n{MARKER}\n".encode(),
    "pdf": making.pdf([MARKER]),
    "docx": making.docx(making.paragraph(MARKER)),
    "pptx": making.pptx([MARKER]),
    "xlsx": making.xlsx({"pumps": [["note"], [MARKER]]}),
    "png": making.picture("PNG"),
}


async def ask(page: Store, turn: str, kinds: dict[str, bytes]) -> None:
    files = tuple(Attachment(f"id-{kind}", f"{MARKER}.{kind}") for kind in kinds)
    uploads = {f"id-{kind}": base64.b64encode(content).decode() for kind, content in kinds.items()}
    await page.accept(Turn(turn, "chat", "ada", "What is in these?", attachments=files), uploads=uploads)


async def answer_all(own_redis: str, page: Store) -> list[str]:
    """Let a worker answer what waits; returns what the model was asked."""
    model = ScriptedModel()
    model.gate.set()
    async with running(model.app()) as url:
        settings = Settings(_env_file=None, redis_url=own_redis, inference_url=f"{url}/v1", lease=60)
        core = AdapterCore(settings, "web", lambda store, _: WebSurface(store, store.client))
        working = asyncio.create_task(core.run())

        async def is_done() -> bool:
            return not await page.queue("chat")

        await until(is_done)
        await core.drain()
        await working
        await core.aclose()
    return [str(prompt[-1]["content"]) for prompt in model.prompts]


async def test_after_forget_no_kind_of_file_has_left_anything(page: Store, own_redis: str, data_dir: Path) -> None:
    await ask(page, "answered", KINDS)
    (asked,) = await answer_all(own_redis, page)
    assert asked.count(MARKER) >= 2 * len(KINDS) - 1, "each file's name and words; a picture's name"
    kept = await page.contents("answered")
    assert all(MARKER in kept[f"id-{kind}"] for kind in KINDS if kind != "png")
    await ask(page, "waiting", KINDS)
    assert await page.upload("waiting", "id-pdf")

    await privacy.forget(page, Subject(author="ada"))
    await answer_all(own_redis, page)
    found = await contents(page.client)
    assert MARKER not in str(found)
    assert not [key for key in found if ":f:" in key]
    saved = "".join([line async for line in backup.lines(page.client)])
    assert MARKER not in saved
    await page.client.bgrewriteaof()
    await until(lambda: not on_disk(data_dir, MARKER))


async def test_a_backup_brings_files_back(page: Store, own_redis: str) -> None:
    await ask(page, "answered", {"log": KINDS["log"], "png": KINDS["png"]})
    await answer_all(own_redis, page)
    before = await page.contents("answered")
    saved = [line async for line in backup.lines(page.client)]
    await backup.restore(page.client, saved, overwrite=True)
    assert await page.contents("answered") == before
    assert await page.client.ttl("glados:{web}:f:answered") > 0


async def test_an_export_has_what_was_read(page: Store, own_redis: str) -> None:
    await ask(page, "answered", {"log": KINDS["log"]})
    await answer_all(own_redis, page)
    found = await privacy.export(page, Subject(author="ada"))
    (exchange,) = found["exchanges"]
    assert exchange["files"]["id-log"]["text"] == KINDS["log"].decode()
