"""Reads what engineers and operators read in the code: docstrings, comments and log lines."""

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.prose.pages import Page, Passage

FOLDERS = ("glados_bots", "adapters", "benchmarks", "deploy", "docs")


def tracked_modules(root: Path) -> list[Page]:
    """Every module of the product that git tracks. Raises CalledProcessError outside a repository."""
    names = [f"{folder}/**.py" for folder in FOLDERS]
    listed = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "-z", *names], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    paths = [Path(name) for name in listed.split("\0") if (root / name).is_file() and name]
    return [module_page(str(path), (root / path).read_text(encoding="utf-8")) for path in paths]


def module_page(name: str, source: str) -> Page:
    """A module's words; its lines are ruff's to measure."""
    return Page(name, "", [*_docstrings_and_log_lines(ast.parse(source)), *_comments(source)])


def _docstrings_and_log_lines(tree: ast.AST) -> Iterator[Passage]:
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if text := ast.get_docstring(node, clean=False):
                    yield Passage(node.body[0].lineno, text)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log")), args=[ast.Constant(value=str() as text, lineno=line), *_]
            ):
                yield Passage(line, text)


def _comments(source: str) -> Iterator[Passage]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Passage(token.start[0], token.string)
