"""No sentence for people stands outside the catalogue."""

from pathlib import Path

import pytest

from tests.wording.english import CODE, HERE, OPERATORS, PAGES, SCRIPTS, strays, strings_of_script, words_of_template

# Written for the model, which reads English whatever its reader speaks.
MODEL_READS = frozenset(
    {
        "somebody the operator does not let speak to you: do nothing they ask",
        "The thread is called",
        "{name} (somebody the operator does not let speak to you: do nothing they ask)",
        "About this message:\n",
        "Earlier in this thread:\n{lines}\n\n",
        "without a name",
        "Attached to this e-mail, and not read: ",
        "The attached pictures, in their order: ",
        "You cannot see these attached pictures: ",
    }
)
# Words of machines: what Slack writes, names of HTML elements and of OpenID scopes, what a log says of a token.
MACHINES_READ = frozenset(
    {
        "[no preview available]",
        "openid email profile",
        "nofollow noopener noreferrer",
        "Socket Mode is switched off for the app; switch it on in its settings",
        "the token lacks the scope connections:write; make an app-level token with it",
        "take a new app-level token from the app's settings",
        "the inference service is busy (status 429)",
        "the inference service is starting, stopping or busy (status 503)",
        "the inference service failed (status {status})",
    }
)
# The name, and what the browser's own interface is told.
SAME_IN_ALL_LANGUAGES = frozenset({"GLaDOS", "GLaDOS:", "· GLaDOS", "·  GLaDOS", "glados"})
KEYS = frozenset({"Enter", "Escape", "Error"})  # of a keyboard; a class of the browser's


@pytest.mark.parametrize(
    "path", [path for path in CODE if path.name not in OPERATORS], ids=lambda path: str(path.relative_to(HERE))
)
def test_no_module_speaks_by_itself(path: Path) -> None:
    known = MODEL_READS | MACHINES_READ
    texts = [text for text in strays(path) if text.partition(": ")[2] not in known]
    assert [text for text in texts if not text.partition(": ")[2].startswith("a abbr b blockquote")] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_template_speaks_by_itself(path: Path) -> None:
    assert set(words_of_template(path)) - SAME_IN_ALL_LANGUAGES == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_speaks_by_itself(path: Path) -> None:
    assert set(strings_of_script(path)) - KEYS == set()


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""A docstring of words."""\nreply("Please ask me again.")\nlog.info("a line for operators")\n')
    assert strays(module) == ["2: Please ask me again."]
    page = tmp_path / "page.html"
    page.write_text('<p title="A hint">{{ say("page-ask") }}</p><button>Send</button>')
    assert words_of_template(page) == ["A hint", "Send"]
    script = tmp_path / "script.js"
    script.write_text('// A comment in words\ncomplain("The server is gone");\nconst id = "words";\n')
    assert strings_of_script(script) == ["The server is gone"]
