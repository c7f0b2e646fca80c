"""A platform's limits, and how its messages are cut, for tests."""

from glados_bots.surface import FileLimits, TableLimits
from glados_discord.answers.look import new_answer

TABLE = TableLimits(rows=20, columns=10, chars=1_000, width=66)
LIMITS = FileLimits(TABLE)


def draw(text: str) -> list[str]:
    """As Discord shows it."""
    answer = new_answer()
    answer.feed(text)
    answer.close()
    return answer.chunks


def lines(count: int, margin: str = "") -> str:
    """So many lines of code."""
    return f"\n{margin}".join(f"value_{number} = {number}" for number in range(count))


def table(rows: int, columns: int = 2, cell: str = "x", margin: str = "") -> str:
    """A table with a header and so many rows."""
    row = f"{margin}| " + " | ".join([cell] * columns) + " |\n"
    return row + f"{margin}|{'---|' * columns}\n" + row * rows
