"""What must not stand in our code, and what docs/security.md promises to be tested."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    [*(ROOT / "glados_bots").rglob("*.py"), *(ROOT / "adapters").rglob("*.py"), *(ROOT / "deploy").rglob("*.py")]
)

# The version that closed a hole we would be open to.
FLOORS = {
    "torch": (2, 10),  # CVE-2026-24747: `weights_only` could be broken
    "starlette": (1, 0, 1),  # CVE-2026-48710: the Host header changed request.url.path
    "aiohttp": (3, 14, 4),
    "redis": (4, 5, 4),  # CVE-2023-28858: answers of cancelled calls went to others
    "transformers": (5,),
    "jinja2": (3, 1, 6),
    "h11": (0, 16),  # CVE-2025-43859: request smuggling by lenient chunks
    "urllib3": (2, 6),  # CVE-2025-66418, 66471: decompression without bound
    "requests": (2, 32, 4),  # CVE-2024-47081: credentials sent to another host
    "idna": (3, 7),  # CVE-2024-3651: quadratic time
    "cryptography": (44, 0, 1),  # CVE-2024-12797, in the OpenSSL it brings
}


def nodes(kind: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kind):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def test_no_check_is_an_assert() -> None:
    assert [place for place, _ in nodes(ast.Assert)] == []


def _loads_tensors_only(node: ast.AST) -> bool:
    """`torch.load(..., weights_only=True)` runs no code: old adapters are read with it."""
    return isinstance(node, ast.Call) and any(
        key.arg == "weights_only" and ast.unparse(key.value) == "True" for key in node.keywords
    )


def test_nothing_deserialises_code() -> None:
    imported = {
        (place, name.name if isinstance(node, ast.Import) else str(node.module))
        for kind in (ast.Import, ast.ImportFrom)
        for place, node in nodes(kind)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    unsafe = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"}
    assert [found for found in imported if found[1].split(".")[0] in unsafe] == []
    called = [
        (place, ast.unparse(node.func))
        for place, node in nodes(ast.Call)
        if isinstance(node, ast.Call) and not _loads_tensors_only(node)
    ]
    assert [found for found in called if found[1] in {"torch.load", "yaml.load", "eval", "exec", "os.system"}] == []
    trusting = [
        place
        for place, node in nodes(ast.keyword)
        if isinstance(node, ast.keyword) and node.arg == "trust_remote_code" and ast.unparse(node.value) != "False"
    ]
    assert trusting == []


def test_no_decision_is_made_by_the_path_of_a_url() -> None:
    assert [place for place, node in nodes(ast.Attribute) if ast.unparse(node).endswith("request.url.path")] == []


@pytest.mark.parametrize("package", FLOORS)
def test_the_lock_has_no_version_with_a_known_hole(package: str) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    found = re.search(rf"(?im)^{package}==([\d.]+)", lock)
    assert found, package
    assert tuple(map(int, found[1].split("."))) >= FLOORS[package]


def test_every_test_that_the_security_page_names_is_there() -> None:
    """A requirement or a threat is a line in bold; each promise in the list below it ends with its test."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    part = page.split("\n## Verification\n")[1].split("\n### What we did not verify\n")[0]
    titles = re.split(r"^\*\*.+\*\*\n", part, flags=re.MULTILINE)[1:]
    lists = [re.findall(r"^- .+(?:\n  .+)*", text, re.MULTILINE) for text in titles]
    assert [] not in lists
    promises = [promise for each in lists for promise in each]
    assert len(promises) == part.count("`test_") > 100
    for promise in promises:
        named = re.search(r"\\\n  `(test_\w+)`\s+in\s+`(tests/[\w/]+\.py)`$", promise)
        assert named, promise
        assert re.search(rf"def {named[1]}\b", (ROOT / named[2]).read_text(encoding="utf-8")), promise
