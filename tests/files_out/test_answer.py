"""Which answers become files, and what is left of them in messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glados_bots.files_out.answer import Shown, beside, growing, shown, whole
from glados_bots.markdown import parse
from glados_bots.surface import FileLimits, OutFile
from glados_bots.wording.sentence import NOTHING, say
from tests.files_out.limits import LIMITS, TABLE, draw, lines, table

PARAGRAPH = "All of this is one paragraph of an answer, which has some words and no end. " * 12
WHOLE = str(say("whole-in-file", file="answer.md"))


def messages(count: int) -> str:
    """Prose that fills exactly so many messages."""
    text = PARAGRAPH
    while len(draw(text)) < count:
        text += f"\n\n{PARAGRAPH}"
    return text


def of(answer: str, limits: FileLimits | None = LIMITS) -> Shown:
    return shown(answer, limits, draw, "")


def names(found: Shown) -> list[str]:
    return [file.name for file in found.files]


def test_three_messages_stay_as_they_are_and_the_fourth_makes_a_file() -> None:
    three, four = messages(3), messages(4)
    assert of(three) == Shown(draw(three))
    found = of(four)
    assert found.chunks == draw(four)[:1]
    assert str(found.notice) == WHOLE
    assert found.files == (OutFile("answer.md", four.encode()),)


def test_the_short_message_ends_where_a_block_ends() -> None:
    (short,) = of("\n\n".join(f"Paragraph {number}. {PARAGRAPH[:500]}" for number in range(20))).chunks
    assert short.startswith("Paragraph 0.")
    assert short.rstrip().endswith(PARAGRAPH[:500].rstrip()[-20:])


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300))
def test_the_file_is_the_markdown_byte_for_byte(text: str) -> None:
    answer = f"{text}\r\n\n{messages(5)}\n\n{text}"
    assert of(answer).files[0] == OutFile("answer.md", answer.encode())
    assert whole(text) == OutFile("answer.md", text.encode())


def test_code_of_sixty_lines_stays_and_of_sixty_one_becomes_a_file() -> None:
    assert of(f"Run:\n```python\n{lines(60)}\n```\n").files == ()
    found = of(f"Run:\n```python\n{lines(61)}\n```\nDone.")
    assert found.files == (OutFile("code.py", f"{lines(61)}\n".encode()),)
    assert found.chunks == ["Run:\n\n📄 `code.py`: 61 lines of code\n\nDone."]
    assert found.notice == NOTHING


def test_only_the_text_that_is_left_counts_as_messages() -> None:
    answer = f"Before.\n```python\n{lines(1_000)}\n```\nAfter."
    assert len(draw(answer)) > 3
    found = of(answer)
    assert (len(found.chunks), names(found)) == (1, ["code.py"])


def test_a_long_answer_with_code_and_a_table_has_all_three_files() -> None:
    answer = f"```js\n{lines(80)}\n```\n\n{table(30)}\n{messages(4)}\n\n```python\n# app.py\n{lines(80)}\n```\n"
    found = of(answer)
    assert names(found) == ["answer.md", "code.js", "table.csv", "app.py"]
    assert found.files[0].content == answer.encode()
    assert len(found.chunks) == 1
    assert "code.js" in found.chunks[0]


def test_there_are_ten_files_at_most_and_code_without_a_file_stays_in_the_text() -> None:
    answer = "\n\n".join(f"```python\n{lines(61)}\n```" for _ in range(15))
    found = of(answer)
    assert names(found) == ["answer.md", "code.py", *(f"code-{number}.py" for number in range(2, 10))]
    few = of(answer, FileLimits(TABLE, files=3, messages=100))
    assert names(few) == ["code.py", "code-2.py"]
    assert "value_60" in "".join(few.chunks)


def test_all_files_together_stay_below_the_limit_of_bytes() -> None:
    code = f"```python\n{lines(100)}\n```\n"
    answer = f"{code}\n{table(200, cell='some text')}\n{code}\n{messages(5)}"
    for size in (100, len(answer), len(answer) + 2_000, len(answer) + 4_000, 100_000):
        found = of(answer, FileLimits(TABLE, size=size))
        assert sum(len(file.content) for file in found.files) <= size
        assert ("answer.md" in names(found)) == (size >= len(answer))
    assert len(of(answer, FileLimits(TABLE, size=100)).chunks) > 3, "nothing is lost without a file"


def test_a_platform_without_limits_shows_everything() -> None:
    answer = f"{messages(5)}\n```python\n{lines(100)}\n```\n"
    assert of(answer, None) == Shown(draw(answer))


def test_an_answer_under_way_shows_three_messages_and_says_that_it_continues() -> None:
    assert growing(["1", "2", "3"], LIMITS) == (["1", "2", "3"], NOTHING)
    assert growing(["1", "2", "3", "4", "5"], LIMITS) == (["1", "2", "3"], say("file-follows"))
    assert growing(list("12345"), None) == (list("12345"), NOTHING)


def test_what_people_see_while_an_answer_grows_is_the_beginning_that_stays() -> None:
    answer = messages(6)
    before, _ = growing(draw(answer), LIMITS)
    assert before[:1] == of(answer).chunks


@pytest.mark.parametrize("language", ["", "de", "ja"])
def test_the_sentence_about_files_stands_before_the_others(language: str) -> None:
    told, other = say("file-follows"), say("stopped").in_language(language)
    assert beside(NOTHING, other, language) == other
    assert beside(told, "", language) == told.in_language(language)
    both = beside(told, other, language)
    assert both.startswith(told.in_language(language))
    assert both.endswith(other)


def test_the_lines_about_files_are_in_the_readers_language() -> None:
    answer = f"```python\n{lines(61)}\n```\n\n{table(30)}"
    (text,) = shown(answer, LIMITS, draw, "de").chunks
    assert say("code-in-file", file="code.py", count=61).in_language("de") in text
    assert say("table-in-file", file="table.csv", count=30).in_language("de") in text


@given(st.lists(st.sampled_from([f"```\n{lines(61)}\n```", table(30), PARAGRAPH, "- a\n", "> b\n"]), max_size=12))
def test_the_same_answer_gives_the_same_files_again(parts: list[str]) -> None:
    answer = "\n\n".join(parts)
    assert of(answer) == of(answer)
    assert len({name.lower() for name in names(of(answer))}) == len(names(of(answer))) <= LIMITS.files


def test_code_with_half_a_surrogate_pair_becomes_a_file_all_the_same() -> None:
    found = of(f"```python\n{lines(61)}\n'\ud800'\n```\n")
    assert found.files[0].content.endswith("'\ufffd'\n".encode())
    assert whole("\ud800").content == b"?"


def test_the_code_in_a_file_is_the_code_of_the_tree() -> None:
    answer = f"1. Do:\n   ````md\n   {lines(61, '   ')}\n   ```\n   ````\n"
    (code,) = parse(answer).blocks[0].items[0].blocks[1:]  # type: ignore[union-attr]
    assert of(answer).files == (OutFile("code.md", f"{code.text}\n".encode()),)  # type: ignore[union-attr]
