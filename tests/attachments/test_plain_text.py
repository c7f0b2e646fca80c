"""Text in any encoding."""

import hashlib

import pytest

from glados_bots.attachments.plain_text import decoded

PROSE = "Größe und Gewicht der Äpfel prüfen wir für die Übung auf der Straße nach Köln. " * 20


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


NOISE = hashlib.shake_256(b"noise").digest(5000).replace(b"\0", b"")


PNG = b"\x89PNG\r\n\x1a\n\0\0"
ODD = [b"\xff\xfe\x00", b"a\0b", PNG, bytes(range(1, 32)) * 9, b"%PDF-1.7 ASCII", NOISE, NOISE[:60]]


@pytest.mark.parametrize("data", ODD)
def test_what_is_no_text_is_not_taken_for_it(data: bytes) -> None:
    assert decoded(data) is None


def test_an_empty_file_is_text() -> None:
    assert decoded(b"") == ""
