"""The systemd units: known to systemd itself where it is here, true to the code, and hardened."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from glados_bots.errors import EXIT_CONFIG
from glados_bots.inference import settings as _service  # noqa: F401 - so that its settings are known
from glados_bots.platforms import installed
from glados_bots.settings import Settings, unknown_variables
from tests.deploy.places import DEPLOY

UNITS = DEPLOY / "systemd"
SERVICES = ["glados@.service", "glados-redis.service"]


def values(unit: str, key: str) -> list[str]:
    return re.findall(rf"(?m)^{key}=(.*)$", (UNITS / unit).read_text(encoding="utf-8"))


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in UNITS.glob("glados*"):
        text = unit.read_text(encoding="utf-8").replace("/opt/glados/.venv/bin/glados", "/bin/true")  # it looks for it
        (tmp_path / unit.name).write_text(text)
    for name in ("glados@serve.service", "glados-redis.service", "glados.target"):
        unit = tmp_path / name.replace("@serve", "@")
        command = [
            analyze,
            "verify",
            "--man=no",
            "--recursive-errors=no",
            str(unit.with_name(name)) if "@" in name else str(unit),
        ]
        if "@" in name:
            shutil.copy(unit, unit.with_name(name))
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        complaints = [line for line in result.stderr.splitlines() if str(tmp_path) in line or "glados" in line]
        assert complaints == [], result.stderr


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_is_hardened(unit: str) -> None:
    for key, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "CapabilityBoundingSet": "",
        "SystemCallFilter": "@system-service",
        "UMask": "0077",
    }.items():
        assert values(unit, key) == [value], key
    assert values(unit, "User") not in ([], ["root"])


def test_a_role_ends_in_time_and_is_not_restarted_for_a_wrong_setting() -> None:
    unit = "glados@.service"
    grace = Settings.model_fields["grace"].default
    assert float(values(unit, "TimeoutStopSec")[0]) > grace + 15
    assert values(unit, "RestartPreventExitStatus") == [str(EXIT_CONFIG)]
    assert values(unit, "ExecStart") == ["/opt/glados/.venv/bin/glados %i"]


def test_the_example_sets_real_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (UNITS / "glados.env.example").read_text(encoding="utf-8")
    for name, value in re.findall(r"(?m)^(\w+)=(.*)$", text):
        monkeypatch.setenv(name, value or "1")
    installed()  # imports the adapters, and their settings with them
    assert unknown_variables() == []
    assert str(Settings().redis_url) == "**********"


def test_redis_gets_its_password_as_a_credential() -> None:
    assert values("glados-redis.service", "LoadCredential") == ["password:/etc/glados/redis-password"]
    assert any("REDIS_PASSWORD_FILE=%d/password" in line for line in values("glados-redis.service", "Environment"))
    assert (DEPLOY / "redis" / "start.sh").exists()
