"""API keys: random, shown once, kept as hashes, and without effect from the moment they are taken back."""

import re
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glados_bots.cli import app as cli
from glados_bots.cli.keys import lifetime
from glados_bots.errors import ConfigError
from glados_bots.inference.api.keys import FILE, KEY_FORM, KeyBook, KeyFileError

WRONG = "A" * 43


@pytest.fixture
def book(tmp_path: Path) -> KeyBook:
    return KeyBook(tmp_path)


def test_a_key_is_found_by_its_text_and_by_nothing_else(book: KeyBook) -> None:
    key, text = book.create("laptop", ["chat"])
    other, _ = book.create("phone", ["models"])
    assert book.find(text) == key
    secret = text.split("_", 2)[2]
    for wrong in ("", "glados_", text[:-1], text + "x", f"glados_{key.id}_{WRONG}", f"glados_{other.id}_{secret}",
                  text.upper(), f" {text}", f"glados_aaaaaaaa_{secret}", f"glados_{key.id}_{secret}\x00"):  # fmt: skip
        assert book.find(wrong) is None, wrong


def test_a_secret_has_256_random_bits(book: KeyBook) -> None:
    texts = [book.create("k", ["chat"])[1] for _ in range(50)]
    parts = [KEY_FORM.fullmatch(text) for text in texts]
    assert len({part[2] for part in parts if part}) == len({part[1] for part in parts if part}) == 50
    assert 43 * 6 >= 256


def test_no_secret_is_on_disk_and_nobody_else_can_read_the_file(book: KeyBook, tmp_path: Path) -> None:
    _, text = book.create("laptop", ["chat"])
    for file in tmp_path.iterdir():
        assert text.split("_", 2)[2].encode() not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0


def test_a_revoked_key_counts_no_more_in_a_service_that_runs(book: KeyBook, tmp_path: Path) -> None:
    key, text = book.create("laptop", ["chat"])
    service = KeyBook(tmp_path)
    assert service.find(text) == key
    assert book.revoke(key.id)
    assert service.find(text) is None
    assert service.in_use
    assert not book.revoke(key.id)
    assert not book.revoke("nowhere")


def test_an_expired_key_counts_no_more(book: KeyBook) -> None:
    _, text = book.create("guest", ["chat"], expires=time.time() - 1)
    assert book.find(text) is None
    assert [key.state(time.time()) for key in book.all()] == ["expired"]


def test_tokens_are_counted_by_day_and_survive_a_restart(
    book: KeyBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = book.create("laptop", ["chat"])
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    book.spend(key.id, 30)
    book.spend(key.id, 12)
    assert KeyBook(tmp_path).spent_today(key.id) == 42
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0 + 86_400)
    assert book.spent_today(key.id) == 0


def test_the_last_use_is_noted_once_a_minute(book: KeyBook, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = book.create("laptop", ["chat"])
    uses = []
    for second in (0, 30, 61):
        monkeypatch.setattr(time, "time", lambda second=second: 2_000_000_000.0 + second)
        key = book.find(text)
        assert key
        book.note_use(key)
        uses.append(book.all()[0].last_used)
    assert uses == [2_000_000_000.0, 2_000_000_000.0, 2_000_000_061.0]


def test_without_a_key_ever_made_there_is_no_file_and_nothing_is_asked_for(book: KeyBook, tmp_path: Path) -> None:
    assert not book.in_use
    assert book.find(f"glados_aaaaaaaa_{WRONG}") is None
    assert book.all() == []
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    damaged = KeyBook(tmp_path)
    assert damaged.in_use
    with pytest.raises(KeyFileError, match=FILE):
        damaged.find(f"glados_aaaaaaaa_{WRONG}")


@pytest.mark.parametrize(("name", "scopes"), [("", ["chat"]), ("a\nb", ["chat"]), ("x", []), ("x", ["root"])])
def test_a_key_without_a_proper_name_or_scope_is_refused(book: KeyBook, name: str, scopes: list[str]) -> None:
    with pytest.raises(ConfigError):
        book.create(name, scopes)


@pytest.mark.parametrize("text", ["", "90", "d", "0d", "-1d", "99999w", "1.5h", "²d"])
def test_a_lifetime_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--expires"):
        lifetime(text)


def test_the_commands_make_list_and_take_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    """The key alone is on standard output; list and audit never show it."""
    monkeypatch.setenv("GLADOS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GLADOS_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "200")
    assert "there are no keys yet" in CliRunner().invoke(cli.app, ["keys", "list"]).output
    assert "have done nothing yet" in CliRunner().invoke(cli.app, ["audit"]).output
    made = CliRunner().invoke(cli.app, ["keys", "create", "laptop", "--scope", "chat", "--expires", "1w"])
    assert made.exit_code == 0, made.output
    text = made.stdout.strip()
    assert KEY_FORM.fullmatch(text)
    assert "GLADOS_API_KEY" in made.stderr
    key_id = text.split("_")[1]
    listed = CliRunner().invoke(cli.app, ["keys", "list"]).output
    assert re.search(rf"{key_id}.*laptop.*valid.*chat", listed)
    assert CliRunner().invoke(cli.app, ["keys", "revoke", key_id]).exit_code == 0
    listed += CliRunner().invoke(cli.app, ["keys", "list"]).output
    assert "revoked" in listed
    read = CliRunner().invoke(cli.app, ["audit"]).output
    assert "keys create" in read
    assert "keys revoke" in read
    assert text.split("_", 2)[2] not in listed + read + made.stderr


def test_unknown_keys_and_bad_lifetimes_are_one_line(tmp_path: Path) -> None:
    for args in (["revoke", "nowhere"], ["create", "x", "--expires", "soon"]):
        command = [sys.executable, "-m", "glados_bots", "keys", *args]
        said = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
            env={"GLADOS_DATA_DIR": str(tmp_path), "PATH": "/usr/bin"},
        )  # fmt: skip
        assert said.returncode == 2
        assert len(said.stderr.splitlines()) == 1
        assert args[-1] in said.stderr


def test_the_file_is_plain_sqlite_that_other_tools_can_read(book: KeyBook, tmp_path: Path) -> None:
    key, _ = book.create("laptop", ["chat", "models"], requests_per_minute=5)
    with sqlite3.connect(tmp_path / FILE) as database:
        row = database.execute("SELECT id, name, scopes, requests_per_minute FROM keys").fetchone()
    database.close()
    assert row == (key.id, "laptop", "chat models", 5)
