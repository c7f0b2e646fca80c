"""Names of files that are safe on every system, whatever a model calls them, and the endings of languages."""

import re
import unicodedata
from functools import cache, lru_cache

from pygments.lexers import get_all_lexers

WHOLE = "answer.md"
LONGEST = 60  # characters of a name
_LONGEST_READ = 400  # characters of a name that somebody wrote
_LONGEST_ENDING = 20
_PATH = re.compile(r"[/\\:]")
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_DOTS = re.compile(r"\.{2,}")
_ENDING = re.compile(r"\*(\.[A-Za-z0-9._-]+)\Z")
_LITERAL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\Z")
# Files that systems run when somebody opens them. Only code of their own language gets these endings.
_RUN = frozenset(
    ".bat .cmd .ps1 .vbs .vbe .js .jse .wsf .hta .reg .inf .desktop .command .applescript .ahk .jar".split()
)
# Names of devices on Windows, with whatever ending.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin|conout|clock|com\d|lpt\d)(?:\.|\Z)", re.IGNORECASE)
# Patterns of names, as Pygments has them, for languages that it does not know, or knows by rarer names.
_OURS = {
    alias: tuple(patterns.split())
    for aliases, patterns in {
        "plain,plaintext,txt,log,output,console,terminal,shell-session": "*.txt *.log",
        "javascript,js,node": "*.js *.mjs *.cjs *.jsx",
        "typescript,ts": "*.ts *.mts *.cts *.tsx",
        "jsx,react": "*.jsx *.js",
        "tsx": "*.tsx *.ts",
        "cpp,c++": "*.cpp *.cc *.cxx *.hpp *.hh *.hxx *.h",
        "makefile,make": "Makefile *.mk *.mak",
        "cmake": "CMakeLists.txt *.cmake",
        "mysql,postgresql,postgres,plsql,tsql,sqlite,sqlite3": "*.sql",
        "jsonc": "*.jsonc *.json",
        "jsonl,ndjson": "*.jsonl *.ndjson",
        "csv": "*.csv",
        "tsv": "*.tsv",
        "patch": "*.patch *.diff",
        "r": "*.R *.r",
        "env,dotenv": "*.env",
        "gitignore": "*.gitignore",
        "svelte": "*.svelte",
        "astro": "*.astro",
        "mermaid": "*.mmd",
        "svg": "*.svg",
        "jinja,jinja2": "*.j2 *.jinja",
        "twig": "*.twig",
        "ejs": "*.ejs",
        "erb": "*.erb",
        "handlebars,hbs": "*.hbs",
        "http": "*.http",
        "vb,vba": "*.vb *.bas",
        "ipython,pycon": "*.py",
        "jupyter": "*.ipynb",
        "bicep": "*.bicep",
        "prisma": "*.prisma",
        "razor": "*.cshtml",
        "asciidoc,adoc": "*.adoc",
        "glsl": "*.glsl *.vert *.frag",
        "wasm": "*.wat",
    }.items()
    for alias in aliases.split(",")
}


class Names:
    """The names of one answer's files. Systems that ignore case tell them apart, too."""

    def __init__(self) -> None:
        self._taken = {WHOLE}
        self._stems: set[str] = set()

    def free(self, name: str, *, is_usual: bool = False) -> str:
        """The name, or the first of NAME-2, NAME-3 and so on that is free. Usual names are counted over all endings."""
        stem, end = _split(name)
        number = 1
        while True:
            count = f"-{number}" if number > 1 else ""
            found = stem[: LONGEST - len(count + end)] + count
            if f"{found}{end}".lower() not in self._taken and not (is_usual and found.lower() in self._stems):
                return found + end
            number += 1

    def take(self, name: str) -> None:
        self._taken.add(name.lower())
        self._stems.add(_split(name)[0].lower())


def safe(name: str) -> str:
    """The last part of a path, in ASCII letters, digits, dots, hyphens and underscores; empty if nothing is left.

    It begins with no dot and no hyphen, and is no name of a device.
    """
    last = _PATH.split(name[-_LONGEST_READ:].strip().rstrip("/\\"))[-1]
    plain = unicodedata.normalize("NFKD", last).encode("ascii", "ignore").decode()
    if plain.startswith(".") and not last.startswith("."):
        return ""  # only the ending is left
    found = _DOTS.sub(".", _ODD.sub("-", plain)).lstrip(".-").rstrip(".-")
    if _DEVICES.match(found):
        found = f"file-{found}"
    stem, end = _split(found)
    return stem[: LONGEST - len(end)] + end


def usual_name(language: str) -> str:
    """The name of code that nobody has named: `code.py`, or what all files of its language are called."""
    patterns = _patterns().get(language.lower(), ())
    if patterns and _LITERAL.match(patterns[0]):
        return patterns[0]
    return f"code{ending(language)}"


def ending(language: str) -> str:
    """The usual ending of a language's files, with its dot."""
    patterns = _patterns().get(language.lower(), ())
    return next((found[1] for each in patterns if (found := _ENDING.match(each))), ".txt")


def is_known(language: str) -> bool:
    return language.lower() in _patterns()


def is_of(name: str, language: str) -> bool:
    """Whether files of a language have such names. If the language is not known, any language will do."""
    kinds = _kinds(language.lower()) or _all_kinds()
    parts = name.lower().split(".")
    return name.lower() in kinds or any("." + ".".join(parts[index:]) in kinds for index in range(1, len(parts)))


def is_of_any(name: str) -> bool:
    """Whether files of any language have such names. No system may run them when somebody opens them."""
    return is_of(name, "")


def _split(name: str) -> tuple[str, str]:
    """(stem, ending with its dot or nothing)."""
    stem, dot, end = name.rpartition(".")
    return (stem, dot + end) if stem and len(end) < _LONGEST_ENDING else (name, "")


@lru_cache(maxsize=64)
def _kinds(language: str) -> frozenset[str]:
    """Endings with their first dot, and whole names, in lower case."""
    patterns = _patterns().get(language, ())
    endings = {found[1].lower() for each in patterns if (found := _ENDING.match(each))}
    return frozenset(endings | {each.lower() for each in patterns if _LITERAL.match(each)})


@cache
def _all_kinds() -> frozenset[str]:
    return frozenset[str]().union(*(_kinds(language) for language in _patterns())) - _RUN


@cache
def _patterns() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for _, aliases, patterns, _ in get_all_lexers(plugins=False):
        for alias in aliases:
            found.setdefault(alias.lower(), tuple(patterns))
    return found | _OURS
