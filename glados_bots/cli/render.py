"""`glados render`: markdown on stdin, what a platform would show on stdout.

Messages are separated by the character U+001E; for `slack-blocks` each message is a JSON array on its own line. With
`--jsonl` one process answers many requests, a line each: `{"id", "md", "target", "limit"}` in, `{"id", "chunks"}` or
`{"id", "error"}` out.
"""

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO

from glados_bots.errors import ConfigError

SEPARATOR = "\x1e"
DEFAULT_TARGET = "discord"
# Target: module, function, and whether it cuts into messages.
_TARGETS = {
    "discord": ("glados_discord.answers.markdown", "render", True),
    "slack": ("glados_slack.answers.markdown", "render", True),
    "slack-blocks": ("glados_slack.answers.markdown", "render_blocks", True),
    "html": ("glados_web.answers.markdown", "render", False),
}

SUMMARY = "Render markdown as a platform shows it."
EXAMPLE = "glados render --to slack < answer.md"
TO = f"What to render for: {', '.join(_TARGETS)}"
LIMIT = "Most characters of one message, at least 200"
JSONL = "Read one request per line, and write one answer per line"


def targets(incomplete: str) -> list[str]:
    """What a shell may complete after `--to`."""
    return [name for name in _TARGETS if name.startswith(incomplete)]


def render(to: str, limit: int | None, jsonl: bool, stdin: TextIO, stdout: TextIO) -> None:
    """Run the tool.

    Args:
        to: `discord`, `slack`, `slack-blocks` or `html`; with `jsonl`, the target of lines that name none.
        limit: most a message may hold; the platform's own if None.
        jsonl: answer requests line by line.
        stdin: markdown, or requests.
        stdout: messages, or answers.

    Raises:
        ConfigError: the target or the limit cannot be used.
    """
    for stream in (stdin, stdout):  # UTF-8 whatever the locale; a byte that is none must not end the process
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    if jsonl:
        for line in stdin:
            if line.strip():
                stdout.write(json.dumps(_answer(line, to, limit)) + "\n")
                stdout.flush()
        return
    chunks = _render(stdin.read(), to, limit)
    if to == "slack-blocks":
        stdout.writelines(json.dumps(chunk, ensure_ascii=False) + "\n" for chunk in chunks)
    else:
        stdout.write(SEPARATOR.join(chunks))
    stdout.flush()


def _answer(line: str, to: str, limit: int | None) -> dict[str, Any]:
    request: Any = None
    try:
        request = json.loads(line)
        if not isinstance(request, dict) or not isinstance(request.get("md"), str):
            raise ConfigError('a request is an object with "md", a text; see glados render --help')  # noqa: TRY301
        wanted = request.get("limit")
        if wanted is not None and (not isinstance(wanted, int) or isinstance(wanted, bool)):
            raise ConfigError(f'"limit" must be a whole number, not {wanted!r}')  # noqa: TRY301
        chunks = _render(request["md"], request.get("target") or to, limit if wanted is None else wanted)
        return {"id": request.get("id"), "chunks": chunks}
    except Exception as error:  # noqa: BLE001 - one bad line must not end the process
        return {"id": request.get("id") if isinstance(request, dict) else None, "error": str(error)}


def _render(text: str, to: str, limit: int | None) -> list[Any]:
    target = _TARGETS.get(to) if isinstance(to, str) else None
    if target is None:
        raise ConfigError(f"no render target {to!r}; use one of {', '.join(_TARGETS)}")
    module, name, cuts = target
    function: Callable[..., Any] = getattr(import_module(module), name)
    if not cuts:
        return [function(text)]
    try:
        chunks: list[Any] = function(text) if limit is None else function(text, limit)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return chunks


class _Parser(argparse.ArgumentParser):
    """Errors are one line, as those of all other commands."""

    def error(self, message: str) -> NoReturn:
        _fail(f"render: {message}; see `glados render --help`; example: `{EXAMPLE}`")


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, or these arguments, and run the tool."""
    parser = _Parser(prog="glados render", description=SUMMARY, epilog=f"Example: {EXAMPLE}", allow_abbrev=False)
    parser.add_argument("--to", default=DEFAULT_TARGET, help=TO)
    parser.add_argument("--limit", type=int, help=LIMIT)
    parser.add_argument("--jsonl", action="store_true", help=JSONL)
    options = parser.parse_args(arguments)
    try:
        render(options.to, options.limit, options.jsonl, sys.stdin, sys.stdout)
    except ConfigError as error:
        _fail(str(error))


def _fail(text: str) -> NoReturn:
    sys.stderr.write(f"glados: {text}\n")
    sys.exit(2)
