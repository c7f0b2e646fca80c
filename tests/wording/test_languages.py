"""Which language somebody reads: tags and headers as platforms and browsers send them."""

import pytest

from glados_bots.wording.languages import NAMES, accepted, english_name, first_known, known


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en-US", "en"), ("en-GB", "en"), ("de", "de"), ("de-AT", "de"), ("DE-de", "de"), ("fr-CA", "fr"),
        ("es-ES", "es"), ("es-419", "es"), ("es-LA", "es"), ("pt-BR", "pt-BR"), ("pt", "pt-BR"), ("pt-PT", "pt-BR"),
        ("ja", "ja"), ("ja-JP", "ja"), ("ja_JP", "ja"), ("zh-CN", "zh-CN"), ("zh", "zh-CN"), ("zh-Hans-SG", "zh-CN"),
        ("zh-TW", ""), ("zh-Hant", ""), ("da", ""), ("", ""), ("*", ""), ("xx-YY", ""), ("../../etc/passwd", ""),
        ("de" * 5000, ""), ("\x00", ""), ("en-XA", "en-XA"),
    ],
)  # fmt: skip
def test_a_tag_is_one_of_our_languages_or_none(tag: str, language: str) -> None:
    assert known(tag) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
        ("en;q=0.3, de;q=0.9", "de"),
        ("da, sv;q=0.9, ja;q=0.1", "ja"),
        ("de;q=0, en", "en"),
        ("de; q=0.8, fr;q=0.7", "de"),
        ("*", "en"),
        ("", "en"),
        ("de;q=nan, fr", "fr"),
        ("de;q=high, fr", "fr"),
        ("zh-TW, zh-CN;q=0.5", "zh-CN"),
        (",;,;q=,", "en"),
    ],
)
def test_the_language_that_a_browser_wants_most_wins(header: str, language: str) -> None:
    assert accepted(header) == language


def test_a_browser_that_wants_none_of_ours_gets_the_operators() -> None:
    assert accepted("da", "fr") == "fr"
    assert first_known(["", "da"], "ja") == "ja"


def test_only_the_beginning_of_a_header_is_looked_at() -> None:
    assert accepted("da," * 10_000 + "de") == "en"


def test_a_model_is_told_a_language_by_its_english_name() -> None:
    assert english_name("de") == "German"
    assert english_name("") == "English"
    assert len({english_name(language) for language in NAMES}) == len(NAMES)
