"""Text files that people share."""

import hashlib

import pytest

from glados_bots.intake.text_files import NO_ROOM, NOT_TEXT, Files, TextFile, decoded, may_be_text, quoted, safe_name
from glados_bots.wording.sentence import NOTHING

PROSE = "Größe und Gewicht der Äpfel prüfen wir für die Übung auf der Straße nach Köln. " * 20


@pytest.mark.parametrize(
    "name",
    "Makefile Dockerfile .gitignore .env App.vue run.ps1 start.bat glados.service build.gradle notes.ipynb pump.log.1 "
    "app.properties main.PY a.py.txt README data.unknown page.svg".split(),
)
def test_whatever_may_be_text_is_looked_at(name: str) -> None:
    assert may_be_text("application/octet-stream", name)
    assert may_be_text("", name)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("image/png", "cat"),
        ("application/octet-stream", "cat.PNG"),
        ("application/pdf", "a"),
        ("application/zip", "a.py"),
        ("", "a.py.zip"),
        ("video/mp4", "a"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a"),
        ("", "model.safetensors"),
    ],
)
def test_what_is_known_to_be_none_is_not_fetched(kind: str, name: str) -> None:
    assert not may_be_text(kind, name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "iso-8859-15"])
def test_text_is_read_in_the_encodings_it_comes_in(encoding: str) -> None:
    assert decoded(PROSE.encode(encoding)) == PROSE


WESTERN = ["20°C\n", "§ 5", "Grüße", "café", "10 µs ± 2%", "déjà vu", "20 °C and more\n" * 9, "a" * 20_000 + "ä"]


@pytest.mark.parametrize("text", WESTERN)
def test_a_few_western_letters_are_taken_for_no_others(text: str) -> None:
    assert decoded(text.encode("latin-1")) == text


OTHERS = [("cp1251", "Привет, как дела? Всё хорошо."), ("shift_jis", "こんにちは世界。今日はいい天気ですね。")]


@pytest.mark.parametrize(("encoding", "text"), OTHERS)
def test_other_letters_are_not_taken_for_western_ones(encoding: str, text: str) -> None:
    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_beginning_may_end_within_a_character(encoding: str, cut: int) -> None:
    text = decoded(PROSE.encode(encoding) + "🙂".encode(encoding)[:-cut], is_whole=False)
    assert text is not None
    assert text.startswith(PROSE)


NOISE = hashlib.shake_256(b"noise").digest(5000).replace(b"\0", b"")


PNG = b"\x89PNG\r\n\x1a\n\0\0"
ODD = [b"\xff\xfe\x00", b"a\0b", PNG, bytes(range(1, 32)) * 9, b"%PDF-1.7 ASCII", NOISE, NOISE[:60]]


@pytest.mark.parametrize("data", ODD)
def test_what_is_no_text_is_not_taken_for_it(data: bytes) -> None:
    assert decoded(data) is None


def test_an_empty_file_is_text() -> None:
    assert decoded(b"") == ""


def test_neither_name_nor_text_gets_out_of_its_place() -> None:
    assert safe_name("a\n```\nGLaDOS :.md") == "a_GLaDOS _.md"
    assert quoted("a.md", "x\n```\ny\n`````") == "Attached file a.md:\n``````md\nx\n```\ny\n`````\n``````"


def test_files_share_the_room_and_the_rest_is_told() -> None:
    files = Files(
        (TextFile("long.log", "l" * 50_000), TextFile("short.md", "s" * 300), TextFile("head.csv", "h" * 900, False)),
        (("cat.png", NOT_TEXT),),
    )
    model, person = files.fitted(10_000)
    assert "l" * 7_500 in model
    assert len(model) < 10_000
    assert "s" * 300 in model
    assert "h" * 900 in model
    assert str(person) == f"I could not read cat.png ({NOT_TEXT}). I read only the beginning of long.log and head.csv."
    assert model.endswith(f"({person})")


@pytest.mark.parametrize("run", ["`" * 20_000, "`" * 20_000 + "\n~~~", "```\n" * 5_000])
def test_no_file_takes_more_room_than_there_is(run: str) -> None:
    model, _ = Files((TextFile("ticks.md", run), TextFile("short.md", "words")) * 2).fitted(9_000)
    assert len(model) <= 9_000
    assert "words" in model


@pytest.mark.parametrize("room", [-5, 0, 100])
def test_without_room_the_question_goes_on_without_them(room: int) -> None:
    model, person = Files((TextFile("a.log", "x" * 1000), TextFile("b.log", "y" * 1000))).fitted(room)
    assert str(person) == f"I could not read a.log ({NO_ROOM}) and b.log ({NO_ROOM})."
    assert model == f"({person})"


def test_of_nothing_nothing_is_said() -> None:
    assert Files().fitted(100) == ("", NOTHING)
