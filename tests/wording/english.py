"""Finds sentences for people outside the catalogue: in modules, templates and scripts."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

HERE = Path(__file__).parents[2]
PAGES = sorted((HERE / "adapters/glados_web/templates").glob("*.html"))
SCRIPTS = sorted((HERE / "adapters/glados_web/static").rglob("*.js"))
ROOMS = ("turns", "attachments", "intake", "wire", "files_out", "wording")
CODE = sorted(
    path
    for folder in ("adapters", *(f"glados_bots/{room}" for room in ROOMS))
    for path in (HERE / folder).rglob("*.py")
) + [HERE / f"glados_bots/{name}.py" for name in ("commands", "store/limits", "store/usage", "store/channels")]

# What these modules say is for operators: settings, the doctor's findings, errors that end a process.
OPERATORS = ("settings.py", "examine.py", "run.py", "metrics.py", "app_config.py", "__init__.py")
SAID_TO_OPERATORS = frozenset({"Counter", "Gauge", "Histogram", "Check", "Field"})
WORDS = re.compile(r"[A-Za-z'’]{2,} [A-Za-z'’]+ [a-z'’]+|\A[A-Z][a-z]+ [a-z]+[.…?!]?\Z")
# Code that is written as text: Lua, regular expressions, types, media types, headers.
NO_WORDS = re.compile(r"redis\.call|\(\?[:=!]|\| None|\\[sdw]|Awaitable\[|-src '|[a-z]_[a-z_]+ [a-z]+_")


def strays(path: Path) -> list[str]:
    """`line: text` of each text of a module that reads like a sentence for people, and comes from no catalogue."""
    tree = ast.parse(path.read_text())
    exempt = {id(node) for node in _exempt(tree)}
    found = []
    for node in ast.walk(tree):
        if id(node) in exempt or not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if WORDS.search(node.value) and not NO_WORDS.search(node.value):
            found.append(f"{node.lineno}: {node.value}")
    return found


def _exempt(tree: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, and what only operators read: errors that are raised, log lines, descriptions of metrics."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Raise():
                yield from ast.walk(node)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"))):
                yield from ast.walk(node)
            case ast.Call(func=ast.Name(id=name)) if name in SAID_TO_OPERATORS or name.endswith("Error"):
                yield from ast.walk(node)
            case ast.Call(func=ast.Attribute(attr="__init__")):  # of an exception
                yield from ast.walk(node)


class Words(HTMLParser):
    """What a reader of HTML sees or hears: texts, and attributes that are read out or shown."""

    SHOWN = frozenset({"aria-label", "placeholder", "title", "alt", "value"})
    HIDDEN = frozenset({"script", "style"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._hidden = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag if tag in self.HIDDEN else self._hidden
        self.found += [value for name, value in attrs if name in self.SHOWN and value]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = "" if tag == self._hidden else self._hidden

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._hidden:
            self.found.append(data.strip())


def words_of_template(path: Path) -> list[str]:
    """The texts of a Jinja template that stand there as they are."""
    bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", " ", path.read_text(), flags=re.DOTALL)
    return [text for text in Words(bare).found if re.search(r"[A-Za-z]{2,}", text)]


def strings_of_script(path: Path) -> list[str]:
    """Texts of a script that read like words for people."""
    code = re.sub(r"^\s*//.*$|\s//\s.*$", "", path.read_text(), flags=re.MULTILINE)
    texts = [text for _, text in re.findall(r'(["`])((?:(?!\1)[^\\\n]|\\.)*)\1', code)]
    return [text for text in texts if re.search(r"[A-Za-z]+ [a-z]+ [a-z]+|\A[A-Z][a-z]{2,}( [a-z]+)*\.?\Z", text)]
