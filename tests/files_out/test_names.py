"""Names of files: from what the answer calls its code, and safe whatever that is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glados_bots.files_out.moving import moved
from glados_bots.files_out.names import LONGEST, Names, safe, usual_name
from tests.files_out.limits import LIMITS, lines

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\Z")
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|\Z)", re.IGNORECASE)
CODE = lines(61)


def named(opening: str, first: str = CODE, before: str = "Run it:") -> str:
    _, (file,) = moved(f"{before}\n\n~~~{opening}\n{first}\n{CODE}\n~~~\n", LIMITS, 10**6, "")
    return file.name


@pytest.mark.parametrize(
    ("opening", "name"),
    [
        ("python title=app.py", "app.py"),
        ('python title="my app.py"', "my-app.py"),
        ("python:app.py", "app.py"),
        ("python:src/app.py", "app.py"),
        ("ts filename=src/App.tsx", "App.tsx"),
        ('{.python filename="a.py"}', "a.py"),
        ("app.py", "app.py"),
        ("python app.py", "app.py"),
        ("python title=app", "app.py"),
        ("python showLineNumbers", "code.py"),
        ("js {1,3-4}", "code.js"),
        ("", "code.txt"),
        ("no-such-language", "code.txt"),
        ("dockerfile", "Dockerfile"),
    ],
)
def test_the_name_after_the_fence(opening: str, name: str) -> None:
    assert named(opening) == name


@pytest.mark.parametrize(
    ("language", "first", "name"),
    [
        ("python", "# app.py", "app.py"),
        ("python", "# File: src/app.py", "app.py"),
        ("js", "// server.js - the entry", "server.js"),
        ("html", "<!doctype html>\n<!-- index.html -->", "index.html"),
        ("bash", "#!/bin/sh\n# run.sh", "run.sh"),
        ("css", "/* style.css */", "style.css"),
        ("sql", "-- schema.sql", "schema.sql"),
        ("python", "app.py", "app.py"),
        ("", "app.py\ntests.py", "code.txt"),  # a list of files
        ("python", "# see app.py for more", "code.py"),
        ("python", "# app.exe", "code.py"),
    ],
)
def test_the_name_in_the_first_line(language: str, first: str, name: str) -> None:
    assert named(language, first) == name


@pytest.mark.parametrize(
    ("before", "name"),
    [
        ("Save as `app.py`:", "app.py"),
        ("**app.py**", "app.py"),
        ("### my_app.py", "my_app.py"),
        ("1. Save it as `app.py`", "app.py"),
        ("Save this as app.py:", "app.py"),
        ("Use `np.array` and `os.path` here:", "code.py"),
        ("`pip install x.py`", "code.py"),
        ("See `page.html`.", "code.py"),  # of another language
    ],
)
def test_the_name_in_the_words_before(before: str, name: str) -> None:
    assert named("python", before=before) == name


def test_words_about_a_library_are_no_name() -> None:
    assert named("js", before="With Node.js:") == "code.js"


HOSTILE = [
    "../../etc/passwd", "..\\..\\x.py", "C:\\Windows\\x.py", "/etc/shadow.py", "....//x.py", ".bashrc", "..", ".",
    "/", "~", "CON", "con.py", "NUL.tar.gz", "COM¹.py", "lpt9", "-rf.py", "a\0b.py", "a\nb.py", "x\u202egnp.py",
    "x.py.", "x.py ", "a" * 4_000 + ".py", "." * 4_000, "a." + "b" * 4_000, "日本.py", "${HOME}.py",
    "`id`.py", "x;rm.py", "file:///x.py",
]  # fmt: skip


@given(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=100), st.text("./\\:-_ aé\0", max_size=30)))
def test_a_name_is_safe_or_empty_whatever_is_written(written: str) -> None:
    found = safe(written)
    assert found == "" or SAFE.match(found)
    assert len(found) <= LONGEST
    assert not DEVICES.match(found)
    assert ".." not in found
    assert not found.endswith(".")


@pytest.mark.parametrize("written", [name for name in HOSTILE if "\n" not in name and '"' not in name])
def test_a_hostile_name_after_the_fence_becomes_a_safe_one_of_its_language(written: str) -> None:
    found = named(f'python title="{written}"')
    assert SAFE.match(found)
    assert len(found) <= LONGEST
    assert not DEVICES.match(found)
    assert found.endswith((".py", "bashrc"))


@pytest.mark.parametrize(
    ("opening", "name"),
    [
        ("python title=setup.exe", "setup.exe.py"),
        ("python title=evil.reg", "evil.reg.py"),
        ("title=run.bat", "run.bat.txt"),
        ("bat title=run.bat", "run.bat"),
    ],
)
def test_what_a_system_would_run_is_named_so_only_in_its_own_language(opening: str, name: str) -> None:
    assert named(opening) == name


def test_two_files_never_have_one_name_also_where_case_does_not_count() -> None:
    names = Names()
    found = []
    for wanted in ["app.py", "App.py", "app.js", "answer.md", "a" * LONGEST, "A" * LONGEST]:
        found.append(names.free(wanted))
        names.take(found[-1])
    assert found[:4] == ["app.py", "App-2.py", "app.js", "answer-2.md"]
    assert len({name.lower() for name in found}) == len(found)
    assert max(map(len, found)) <= LONGEST


def test_usual_names_are_counted_over_all_endings() -> None:
    names = Names()
    for wanted, name in [("code.py", "code.py"), ("code.js", "code-2.js"), ("code.py", "code-3.py")]:
        assert names.free(wanted, is_usual=True) == name
        names.take(name)


def test_every_language_that_we_repair_in_fences_has_a_name_of_its_own() -> None:
    languages = (
        "python py javascript js typescript ts jsx tsx java kotlin scala groovy c cpp c++ csharp c# go rust"
        " ruby php perl swift dart lua julia haskell elixir erlang clojure fsharp ocaml matlab bash sh zsh"
        " fish powershell bat dockerfile makefile cmake sql mysql postgresql plsql html css scss sass less xml"
        " json json5 jsonc yaml toml ini markdown latex graphql protobuf terraform nginx diff mermaid vue"
        " svelte objc solidity nix vim csv r"
    ).split()
    assert [language for language in languages if usual_name(language) == "code.txt"] == []
    assert all(SAFE.match(usual_name(language)) for language in languages)
    assert usual_name("Python") == usual_name("python3") == "code.py"
