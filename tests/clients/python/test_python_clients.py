"""Python libraries and agents do their real thing at the service, each in an environment of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from glados_bots.inference.api.app import create_app
from tests.clients.engine import AskingEngine, Calls
from tests.clients.node.service import KEY, SMALL, WIDE, served
from tests.clients.python.doing import END, WEATHER
from tests.clients.python.environment import HERE, do, needs, run
from tests.servers import in_a_thread

PAGE = (HERE.parents[2] / "docs/api/clients.md").read_text(encoding="utf-8")
# The folder of each client: the package whose version the page tells, and the title of its lines there.
CLIENTS = {
    "openai_sdk": ("openai", "openai for Python"),
    "pydantic_ai": ("pydantic-ai-slim", "Pydantic AI"),
    "instructor": ("instructor", "Instructor"),
    "langchain": ("langchain-openai", "LangChain"),
    "openai_agents": ("openai-agents", "OpenAI Agents SDK"),
    "litellm": ("litellm", "LiteLLM"),
    "llama_index": ("llama-index-llms-openai-like", "LlamaIndex"),
    "smolagents": ("smolagents", "smolagents"),
    "llm": ("llm", "llm"),
    "aider": ("aider-chat", "aider"),
    "lm_eval": ("lm_eval", "lm-eval"),
}
WITH_AGENTS = sorted(path.parent.name for path in HERE.glob("*/agent.py"))
WITH_CODE = [client for client, (_, title) in CLIENTS.items() if f"\n## {title}\n\n```python\n" in PAGE]
# What the model says in the end, where it is not just words.
ENDS = {
    "smolagents": "Thoughts: I ask.\n<code>\nfinal_answer(get_weather(city='Rome'))\n</code>",
    "aider": 'hello.py\n```\nprint("goodbye")\n```\n',
}
# The tools by which clients take a final answer
FINAL: Calls = {
    "final_answer": {"answer": WEATHER},
    "final_result": {"city": "Rome", "degrees": 18},
    "Response": {"content": 7},
}


def asking(end: str) -> AskingEngine:
    return AskingEngine({"get_weather": {"city": "Rome"}}, WEATHER, end, FINAL)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(SMALL, tmp_path_factory.mktemp("small")) as address:
        yield address


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_does_its_real_thing(client: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    needs(client)
    do(client, tmp_path, "client.py", request.getfixturevalue("url"), KEY, SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("client", WITH_AGENTS)
def test_an_agent_asks_a_function_and_ends(client: str, tmp_path: Path) -> None:
    with in_a_thread(create_app(asking(ENDS.get(client, END)), api_key=KEY)) as address:
        do(client, tmp_path, "agent.py", f"{address}/v1", KEY, WIDE)


@pytest.mark.slow
@pytest.mark.parametrize("client", WITH_CODE)
def test_the_lines_of_the_page_run(client: str, tmp_path: Path) -> None:
    with in_a_thread(create_app(asking(END), api_key=KEY)) as address:
        lines = code(client).replace("http://HOST:5951", address).replace("KEY", KEY).replace("MODEL", WIDE)
        assert run(client, tmp_path, "-c", lines).strip()


def code(client: str) -> str:
    """The Python of the client's section of the page."""
    return PAGE.split(f"\n## {CLIENTS[client][1]}\n\n```python\n")[1].split("```")[0]


@pytest.mark.parametrize("client", CLIENTS)
def test_the_page_tells_the_version_that_the_test_uses(client: str) -> None:
    package, title = CLIENTS[client]
    found = re.search(rf"^{re.escape(package)}==(\S+)$", (HERE / client / "requirements.txt").read_text(), re.MULTILINE)
    assert found
    row = rf"^\| \[{re.escape(title)}\]\(\S+\) \| (?:{re.escape(package)} )?{re.escape(found[1])} \|"
    assert re.search(row, PAGE, re.MULTILINE)


def test_every_folder_is_a_client() -> None:
    assert {path.parent.name for path in HERE.glob("*/client.py")} == set(CLIENTS)
