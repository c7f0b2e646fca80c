"""The compose files: valid by the Compose Specification, locked down, and true to the code they start."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from glados_bots.inference import settings as _service  # noqa: F401 - so that its settings are known
from glados_bots.platforms import installed
from glados_bots.settings import unknown_variables
from tests.deploy.places import DEPLOY, load_yaml, merged

COMPOSE = load_yaml(DEPLOY / "compose.yaml")
SLACK_HTTP = merged(COMPOSE, load_yaml(DEPLOY / "compose.slack-http.yaml"))
CPU = merged(COMPOSE, load_yaml(DEPLOY / "compose.cpu.yaml"))
ROLES = ["serve", "web", "discord", "slack"]


def seconds(text: str) -> int:
    return int(text.removesuffix("s")) if text.endswith("s") else 60 * int(text.removesuffix("m"))


@pytest.mark.parametrize("compose", [COMPOSE, CPU, SLACK_HTTP], ids=["gpu", "cpu", "slack-http"])
def test_it_follows_the_specification(compose: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(compose))
    checker = Path(sys.executable).with_name("check-jsonschema")
    command: list[str | Path] = [checker, "--builtin-schema", "vendor.compose-spec", tmp_path / "compose.yaml"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", ["redis", *ROLES])
def test_every_container_is_locked_down(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"privileged", "cap_add", "pid", "network_mode"} & set(service)
    assert service["healthcheck"]["test"]
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", ROLES)
def test_a_role_runs_as_itself_and_may_finish_its_answers(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["command"] == [name]
    assert service["healthcheck"]["test"] == ["CMD", "glados", "health", name]
    assert seconds(service["stop_grace_period"]) > float(service["environment"]["GLADOS_GRACE"]) + 15


@pytest.mark.parametrize("name", ["web", "discord", "slack"])
def test_adapters_know_redis_and_the_model_and_start_only_when_asked_for(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["profiles"] == [name, "all"]
    assert service["depends_on"]["redis"]["condition"] == "service_healthy"
    environment = service["environment"]
    assert environment["GLADOS_REDIS_URL"].startswith("redis://glados:${GLADOS_REDIS_PASSWORD:?")
    assert environment["GLADOS_INFERENCE_URL"] == "http://serve:5951/v1"
    assert environment["GLADOS_API_KEY"] == COMPOSE["services"]["serve"]["environment"]["GLADOS_API_KEY"]


def test_only_the_page_is_published_and_on_this_machine_only() -> None:
    assert COMPOSE["services"]["web"]["ports"] == ["${GLADOS_WEB_BIND:-127.0.0.1}:5950:5950"]
    assert not [name for name, service in COMPOSE["services"].items() if name != "web" and "ports" in service]
    assert SLACK_HTTP["services"]["slack"]["ports"] == ["${GLADOS_SLACK_BIND:-127.0.0.1}:5952:5952"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert COMPOSE["services"]["redis"]["networks"] == ["inside"]


def test_the_gpu_is_reserved_only_where_there_is_one() -> None:
    devices = COMPOSE["services"]["serve"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
    assert "deploy" not in CPU["services"]["serve"]
    assert CPU["services"]["serve"]["build"]["args"]["TORCH"] == "cpu"
    assert {CPU["services"][name]["image"] for name in ROLES} == {"${GLADOS_IMAGE:-glados:cpu}"}


def test_every_variable_is_explained_in_the_example_and_the_example_has_no_secret() -> None:
    used = set(re.findall(r"\$\{(\w+)", json.dumps(SLACK_HTTP)))
    lines = re.findall(r"(?m)^(\w+)=(.*)$", (DEPLOY / ".env.example").read_text(encoding="utf-8"))
    example = dict(lines)
    assert used - {"GLADOS_IMAGE"} == set(example)
    assert not [name for name, value in example.items() if value and re.search("PASSWORD|KEY|TOKEN|SECRET", name)]


def test_every_variable_given_to_a_role_is_one_of_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for compose in (COMPOSE, SLACK_HTTP):
        for name in ROLES:
            for variable in compose["services"][name]["environment"]:
                monkeypatch.setenv(variable, "1")
    installed()  # imports the adapters, and their settings with them
    assert unknown_variables() == []
