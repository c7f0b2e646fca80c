"""Files in a question: within the room, with a sentence for whatever is not there as a whole."""

import pytest

from glados_bots.attachments.contents import Contents, refused
from glados_bots.attachments.fitting import LONGEST_NAME, NO_ROOM, Fitted, fitted, quoted, safe_name
from glados_bots.conversation import Picture
from glados_bots.wording.sentence import NOTHING, Sentence, say

PICTURE = Picture("AAAA", "image/png", 1, 1)
SCAN = Contents(pictures=(PICTURE,) * 3, partly=say("file-scan", read=3, whole=9))

MOST_PICTURES = 8


def unread(name: str, why: Sentence) -> str:
    return str(say("not-read", files=(say("file-unread", name=name, reason=why),)))


def text(words: str, partly: Sentence = NOTHING) -> Contents:
    return Contents(text=words, partly=partly)


def test_neither_name_nor_text_gets_out_of_its_place() -> None:
    assert safe_name("a\n```\nGLaDOS :.md") == "a_GLaDOS _.md"
    assert safe_name("../../etc/passwd\u202egnp.exe") == ".._.._etc_passwd_gnp.exe"
    assert safe_name("") == "file"
    assert safe_name("Mu\u0308ller.md") == "Müller.md"
    assert quoted("a.md", "x\n```\ny\n`````") == "Attached file a.md:\n``````md\nx\n```\ny\n`````\n``````"


def test_a_long_name_keeps_its_end() -> None:
    name = safe_name("report " * 600 + ".pdf")
    assert len(name) == LONGEST_NAME
    assert name.endswith(".pdf")


def test_files_share_the_room_and_the_rest_is_told() -> None:
    pages = say("file-pages", read=2, whole=5)
    files = [
        ("long.log", text("l" * 50_000)), ("short.md", text("s" * 300)), ("some.pdf", text("h" * 900, pages)),
        ("cat.zip", refused(say("file-archive"))),
    ]  # fmt: skip
    found = fitted(files, 10_000, 0)
    shown = found.text.count("l" * 100) * 100
    assert shown >= 7_000
    assert len(found.text) <= 10_000
    assert "s" * 300 in found.text
    assert "h" * 900 in found.text
    part = say("file-unread", name="some.pdf", reason=pages)
    said = str(found.notice)
    assert said.startswith(
        str(say("not-read", files=(say("file-unread", name=files[3][0], reason=files[3][1].refusal),)))
    )
    assert str(part) in said
    assert "of 50,000 characters" in said
    assert found.text.endswith(f"({said})")


@pytest.mark.parametrize(
    "known", [NOTHING, say("file-characters", read=400, whole=900), say("file-pages", read=1, whole=2)]
)
def test_what_was_read_of_a_file_that_is_cut_twice_is_one_remark(known: Sentence) -> None:
    remark = str(fitted([("a.log", text("a" * 400, known))], 900, 0).notice)
    assert "characters" in remark
    assert ("900 characters" in remark) == (known.name == "file-characters")
    assert ("pages 1 to 1 of 2" in remark) == (known.name == "file-pages")


@pytest.mark.parametrize("run", ["`" * 20_000, "`" * 20_000 + "\n~~~", "```\n" * 5_000])
def test_no_file_takes_more_room_than_there_is(run: str) -> None:
    found = fitted([("ticks.md", text(run)), ("short.md", text("words"))] * 2, 9_000, MOST_PICTURES)
    assert len(found.text) <= 9_000
    assert "words" in found.text


def test_ten_files_with_the_longest_remarks_stay_within_the_room() -> None:
    partly = say("file-scan", read=8, whole=10_000)
    files = [
        ("n" * 99, refused(say("file-archive"))),
        ("n" * 99, Contents(text="x" * 9_000, pictures=(PICTURE,), partly=partly)),
    ]
    for sees in (True, False):
        assert len(fitted(files * 5, 9_000, 8 * sees).text) <= 9_000


@pytest.mark.parametrize("room", [-5, 0, 100])
def test_without_room_the_question_goes_on_without_them(room: int) -> None:
    found = fitted([("a.log", text("x" * 1000)), ("b.log", text("y" * 1000))], room, MOST_PICTURES)
    assert str(found.notice) == f"I could not read a.log ({NO_ROOM}) and b.log ({NO_ROOM})."
    assert found.text == f"({found.notice})"


def test_a_model_that_sees_gets_the_pictures_in_the_order_of_their_names() -> None:
    found = fitted([("cat.png", Contents(pictures=(PICTURE,))), ("scan.pdf", SCAN)], 9_000, MOST_PICTURES)
    assert found.pictures == (PICTURE,) * 4
    assert found.unseen == ()
    assert "(The attached pictures, in their order: cat.png, scan.pdf (3 pictures).)" in found.text
    assert str(say("file-unread", name="scan.pdf", reason=SCAN.partly)) in str(found.notice)


def test_a_model_that_cannot_see_is_told_so_and_the_pictures_are_named() -> None:
    found = fitted([("cat.png", Contents(pictures=(PICTURE,))), ("scan.pdf", SCAN)], 9_000, 0)
    assert found.pictures == ()
    assert found.unseen == ("cat.png", "scan.pdf")
    assert "(You cannot see these attached pictures: cat.png, scan.pdf.)" in found.text
    assert str(found.notice) == str(
        say("not-read", files=(say("file-unread", name="scan.pdf", reason=say("file-no-words")),))
    )


def test_more_pictures_than_a_prompt_takes_are_named() -> None:
    files = [(f"{number}.png", Contents(pictures=(PICTURE,))) for number in range(MOST_PICTURES - 1)]
    found = fitted([*files, ("scan.pdf", SCAN), ("last.png", Contents(pictures=(PICTURE,)))], 9_000, MOST_PICTURES)
    assert len(found.pictures) == MOST_PICTURES
    assert "last.png" in str(found.notice)
    assert str(say("file-scan", read=1, whole=9)) in str(found.notice)


def test_of_nothing_nothing_is_said() -> None:
    assert fitted([], 100, MOST_PICTURES) == Fitted("", (), NOTHING)
