"""Text files that people share: which are read, and how they stand in a question. The same on every platform."""

import re

_TYPES = re.compile(
    r"text/|application/(?:[\w.+-]*\+)?(?:json|xml|yaml|x-yaml|x-ndjson|toml|sql|javascript|typescript|x-sh|x-python|csv"
    r"|x-httpd-php)\b"
)
_NAMES = re.compile(
    r"\.(?:txt|md|rst|log|csv|tsv|json|jsonl|ya?ml|toml|ini|cfg|conf|env|xml|html?|css|sql|diff|patch|sh|bash|py|js|ts|jsx"
    r"|tsx|c|h|cc|cpp|hpp|cs|go|rs|java|kt|rb|php|pl|lua|r|jl|swift|scala|hs|ex|exs|erl|clj|vim|tex|bib|srt|vtt|tf|proto"
    r"|dockerfile)\Z",
    re.IGNORECASE,
)
_TICKS = re.compile("`{3,}")
_ODD = re.compile(r"[^\w. ()+-]+")
_MARKS_16 = frozenset({b"\xff\xfe", b"\xfe\xff"})
LONGEST_NAME = 60


def is_text(kind: str, name: str) -> bool:
    """Whether a file of this media type and name may be text."""
    return bool(_TYPES.match(kind) or _NAMES.search(name))


def decoded(data: bytes) -> str | None:
    """Text in UTF-8, or in UTF-16 with a byte order mark; None for anything else."""
    try:
        text = data.decode("utf-16" if data[:2] in _MARKS_16 else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def safe_name(name: str) -> str:
    """A file's name without anything that could be read as more than a name."""
    return _ODD.sub("_", name)[:LONGEST_NAME] or "file"


def quoted(name: str, text: str) -> str:
    """A file as markdown for the model, in a fence that nothing in it can end."""
    name = safe_name(name)
    fence = "`" * (1 + max((len(ticks) for ticks in _TICKS.findall(text)), default=2))
    language = name.rpartition(".")[2] if "." in name else ""
    return f"Attached file {name}:\n{fence}{language}\n{text.strip()}\n{fence}"
