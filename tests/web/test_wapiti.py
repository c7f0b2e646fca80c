"""The page before wapiti, a scanner of web pages: a minute of injections into every address and form it finds."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import do_without

pytestmark = pytest.mark.slow

MODULES = "backup,cookieflags,crlf,csp,csrf,exec,file,http_headers,methods,permanentxss,redirect,sql,xss"
LONGEST_S = 60
# What it says of every page that is served without TLS, or is no longer recommended (X-XSS-Protection).
EXPECTED = {"X-XSS-Protection is not set", "Strict-Transport-Security is not set"}
WITHOUT_TLS = "Secure flag is not set in the cookie"


async def test_a_scanner_finds_nothing(site: str, tmp_path: Path) -> None:
    program = shutil.which("wapiti")
    if program is None:
        do_without("wapiti")
    report = tmp_path / "report.json"
    options = ["--scope", "folder", "--max-scan-time", str(LONGEST_S), "--no-bugreport", "-t", "5", "-d", "3"]
    places = ["--store-session", str(tmp_path), "--store-config", str(tmp_path), "-f", "json", "-o", str(report)]
    scan = await asyncio.create_subprocess_exec(
        program, "-u", f"{site}/", "-m", MODULES, *options, *places, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(4 * LONGEST_S):
        said, _ = await scan.communicate()
    assert b"URLs and forms" in said
    found = json.loads(report.read_text(encoding="utf-8"))
    texts = [
        each["info"] for kind in (*found["vulnerabilities"].values(), *found["anomalies"].values()) for each in kind
    ]
    assert [text for text in texts if text not in EXPECTED and not text.startswith(WITHOUT_TLS)] == []
    assert texts, "it says what it always says: it has looked"
