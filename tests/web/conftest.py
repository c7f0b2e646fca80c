"""The page as it runs: uvicorn, a real Valkey, and a scripted model at the far end of the wire."""

from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from glados_bots.settings import Settings
from glados_bots.wording.sentence import Value, say
from glados_web.app import create_app
from glados_web.settings import WebSettings
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running

PASSWORD = "correct horse battery"
# As `hashed` makes them, which takes 64 MB and much of a second at each guess: cheap here.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
PAGE = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


def english(name: str, /, **values: Value) -> str:
    """A sentence as a browser gets it that tells no language."""
    return str(say(name, **values))


def words_of(response: httpx.Response) -> str:
    """A page's HTML with its texts as they are read."""
    return unescape(response.text)


def browser(url: str, **cookies: str) -> httpx.AsyncClient:
    """The HTTP side of a browser that asks for pages."""
    return httpx.AsyncClient(base_url=url, trust_env=False, headers=PAGE, cookies=cookies, timeout=60)


@pytest.fixture
async def model() -> ScriptedModel:
    """Answers at once, until the test closes its gate."""
    scripted = ScriptedModel()
    scripted.gate.set()
    return scripted


@pytest.fixture
async def settings(redis_url: str, model: ScriptedModel) -> AsyncIterator[Settings]:
    """Settings of a page on the empty database and the scripted model."""
    async with running(model.app()) as url:
        yield Settings(redis_url=redis_url, inference_url=f"{url}/v1", grace=1, message_max_chars=2000)


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[str]:
    """URL of the running page."""
    async with running(create_app(settings)) as url:
        yield url


@pytest.fixture
def web() -> WebSettings:
    """Settings of a page behind the password."""
    return WebSettings(password=SecretStr(HASH))


@pytest.fixture
async def locked(settings: Settings, web: WebSettings) -> AsyncIterator[str]:
    """URL of a page behind the password."""
    async with running(create_app(settings, web)) as url:
        yield url


@pytest.fixture
async def visitor(site: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser's HTTP side, which has seen the page."""
    async with httpx.AsyncClient(base_url=site, trust_env=False) as client:
        await client.get("/")
        yield client
