"""`glados privacy export`, `forget` and `shorten`: what is stored about people, and its deletion."""

import asyncio
import hashlib
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from redis.exceptions import RedisError, ResponseError

from glados_bots.cli import completions, terminal
from glados_bots.cli.options import load_settings
from glados_bots.cli.stored.audit import log_act
from glados_bots.cli.stored.with_redis import with_store
from glados_bots.errors import ConfigError
from glados_bots.operations import privacy
from glados_bots.operations.privacy import Forgotten, Subject
from glados_bots.platforms import installed
from glados_bots.processes.progress import each
from glados_bots.settings import Settings
from glados_bots.store import sweep
from glados_bots.store.store import Store

Platform = Annotated[str, typer.Argument(help="web, discord or slack", autocompletion=completions.platforms)]
User = Annotated[str, typer.Option("--user", help="Id of a person on the platform; on the page, the owner of chats")]
Thread = Annotated[str, typer.Option("--thread", help="Id of a conversation, see `glados turns list` or an export")]

PATIENCE_S = 10.0  # a worker that runs ends a turn within a moment


group = typer.Typer(
    name="privacy",
    help="Export or delete what is stored about a person.",
    epilog="Example: glados privacy export discord --user 1234",
    no_args_is_help=True,
)


@group.command(epilog="Example: glados privacy export discord --user 1234 --file export.json")
def export(
    platform: Platform,
    user: User = "",
    thread: Thread = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="New file, which only you can read; else standard output")
    ] = None,
) -> None:
    """Print all that is stored about a person or a thread.

    The output is JSON.
    """
    subject, settings = _subject(user, thread), load_settings()
    found = with_store(settings, platform, lambda store: _export(store, subject))
    text = privacy.as_json(found)
    if file is None:
        terminal.echo(text.removesuffix("\n"))
    else:
        _save(file, text)
        typer.echo(f"wrote {len(found['exchanges'])} questions with their answers to {file}")
    _log_act(settings, "privacy export", platform, subject)


@group.command(epilog="Example: glados privacy forget discord --user 1234")
def forget(
    platform: Platform,
    user: User = "",
    thread: Thread = "",
    sure: Annotated[bool, typer.Option("--yes", help="Delete without asking first")] = False,
) -> None:
    """Delete all that is stored about a person or a thread.

    The data cannot be brought back. Messages on the platform stay. Backups stay too.
    """
    subject = _subject(user, thread)
    if not sure:
        typer.confirm(
            f"Delete all that is stored about {user or thread} on {platform}? This cannot be undone", abort=True
        )
    settings = load_settings()
    found, rewritten = with_store(settings, platform, lambda store: _forget(store, subject))
    _log_act(settings, "privacy forget", platform, subject)
    typer.echo(f"deleted {len(found.turns)} questions with their answers, and {found.others} other entries")
    if found.running:
        typer.echo(f"{found.running} of these questions are still running; start `glados {platform}`, which ends them")
    if not rewritten:
        typer.echo(
            "the file of Redis still has the words; call BGREWRITEAOF as an administrator of Redis to remove them"
        )


@group.command(epilog="Example: glados privacy shorten")
def shorten() -> None:
    """Apply a shorter retention to the data already stored.

    Call this after you have lowered GLADOS_RETENTION or GLADOS_CONVERSATION_TTL.
    """
    now = load_settings()
    for name in installed():
        walk = partial(each, f"shorten {name}", unit=" keys")
        count = with_store(now, name, partial(sweep.shorten, walk=walk))
        typer.echo(f"{name}: {count} keys expire sooner now")


def _subject(user: str, thread: str) -> Subject:
    if bool(user) == bool(thread):
        raise ConfigError("privacy: give either --user ID or --thread ID, such as --user 80351110224678912")
    return Subject(user, thread)


async def _whole(store: Store, subject: Subject) -> Subject:
    """With all ids that the person's questions stand under."""
    ids_of = installed()[store.platform].ids_of
    return replace(subject, others=await ids_of(store, subject.author)) if subject.author and ids_of else subject


async def _export(store: Store, subject: Subject) -> dict[str, Any]:
    return await privacy.export(store, await _whole(store, subject))


async def _forget(store: Store, subject: Subject) -> tuple[Forgotten, bool]:
    """Forget, give the workers a moment, and let Redis rewrite its file. Returns whether Redis does."""
    found = await privacy.forget(store, await _whole(store, subject), partial(each, "forget", unit=" keys"))
    for _ in range(int(PATIENCE_S * 10)):
        found.running = len([turn for turn in found.turns if await store.turn(turn)])
        if not found.running:
            break
        await asyncio.sleep(0.1)
    try:
        await store.client.bgrewriteaof()
    except ResponseError as error:
        return found, "already in progress" in str(error)
    except RedisError:
        return found, False
    return found, True


def _save(file: Path, text: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as out:  # noqa: PTH123 - a descriptor
            out.write(text)
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot write here ({terminal.why(error)}); name a new file in a folder that you own"
        ) from error


def _log_act(settings: Settings, act: str, platform: str, subject: Subject) -> None:
    """Into the audit log, without the id that was to be forgotten."""
    hidden = hashlib.sha256((subject.author or subject.conversation).encode()).hexdigest()[:12]
    log_act(settings, act, f"{platform}: {'a person' if subject.author else 'a thread'}, sha256 {hidden}")
