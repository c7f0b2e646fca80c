"""Long code and large tables of an answer as files. The page shows them whole, and offers each as a download."""

from glados_bots.files_out.moving import moved
from glados_bots.surface import FileLimits, OutFile, TableLimits

LIMITS = FileLimits(TableLimits(rows=20, columns=10, chars=3_000))  # what people may want as a file, from our eyes


def files_of(answer: str) -> tuple[OutFile, ...]:
    """Return the files of an answer that has ended. They follow from its markdown alone, and are not stored."""
    if "|" not in answer and answer.count("\n") <= LIMITS.code_lines:
        return ()
    return moved(answer, LIMITS, LIMITS.size, "")[1]


def names_of(answer: str) -> list[str]:
    return [file.name for file in files_of(answer)]
