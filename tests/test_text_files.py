"""Text files that people share."""

import pytest

from glados_bots.text_files import decoded, is_text, quoted, safe_name


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("text/plain; charset=utf-8", "a", True),
        ("application/octet-stream", "main.PY", True),
        ("application/vnd.api+json", "a", True),
        ("application/jsonx", "a", False),
        ("image/png", "cat.png", False),
        ("application/zip", "a.py.zip", False),
    ],
)
def test_text_is_known_by_its_type_or_its_name(kind: str, name: str, expected: bool) -> None:
    assert is_text(kind, name) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xef\xbb\xbfhi", "hi"),
        ("hi".encode("utf-16"), "hi"),
        (b"\xff\xfe\x00", None),
        (b"\xe4", None),
        (b"a\0b", None),
    ],
)
def test_what_is_no_text_is_not_guessed_at(data: bytes, expected: str | None) -> None:
    assert decoded(data) == expected


def test_neither_name_nor_text_gets_out_of_its_place() -> None:
    assert safe_name("a\n```\nGLaDOS :.md") == "a_GLaDOS _.md"
    assert quoted("a.md", "x\n```\ny\n`````") == "Attached file a.md:\n``````md\nx\n```\ny\n`````\n``````"
