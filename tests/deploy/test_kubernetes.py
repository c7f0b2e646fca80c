"""The Kubernetes manifests: valid by the API's schemas, locked down, drained in nested times, closed to the network.

They are built by `kubectl kustomize`, as a cluster would get them; without kubectl all of this is skipped.
"""

import importlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.places import DEPLOY

ADAPTERS = ["web", "discord", "slack"]
SECRETS = "kubernetes/gpu/secrets.env"


def documents(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.fixture(scope="module", params=["gpu", "cpu", "slack-http"])
def manifests(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What `kubectl apply -k` would send."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed; it builds the manifests from their parts")
    copy = tmp_path_factory.mktemp("deploy") / "deploy"
    shutil.copytree(DEPLOY, copy)
    shutil.copy(copy / f"{SECRETS}.example", copy / SECRETS)
    command = [kubectl, "kustomize", copy / "kubernetes" / request.param]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return documents(result.stdout)


def one(manifests: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pods(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pod specs by the name of what makes them."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in manifests
        if each["kind"] in {"Deployment", "StatefulSet"}
    }


def environment(pod: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in pod["containers"][0].get("env", [])}


@pytest.fixture(scope="module")
def schemas() -> Any:
    """The schemas of the API, which take two seconds to import."""
    return importlib.import_module("kubernetes_validate")


def test_everything_follows_the_schemas_of_the_api(manifests: list[dict[str, Any]], schemas: Any) -> None:
    for manifest in manifests:
        schemas.validate(manifest, schemas.latest_version(), strict=True)


def test_a_wrong_field_would_be_refused(schemas: Any) -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"prots": []}}
    with pytest.raises(schemas.ValidationError):
        schemas.validate(wrong, schemas.latest_version(), strict=True)


def test_every_pod_is_locked_down(manifests: list[dict[str, Any]]) -> None:
    assert set(pods(manifests)) == {"redis", "serve", *ADAPTERS}
    for name, pod in pods(manifests).items():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False, "GLADOS_WEB_PORT would be set by Kubernetes"
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe], (name, probe)


def test_probes_ask_ports_that_exist(manifests: list[dict[str, Any]]) -> None:
    for name, pod in pods(manifests).items():
        (container,) = pod["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if "httpGet" in container[probe]:
                assert container[probe]["httpGet"]["port"] in ports, name
        if name in ADAPTERS:
            assert ports["metrics"] == int(environment(pod)["GLADOS_METRICS_PORT"])


def test_the_times_of_the_end_are_nested(manifests: list[dict[str, Any]]) -> None:
    for name, pod in pods(manifests).items():
        if name == "redis":
            continue
        (container,) = pod["containers"]
        before = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
        grace = float(environment(pod)["GLADOS_GRACE"])
        assert before + grace + 15 <= pod["terminationGracePeriodSeconds"], name


def test_adapters_have_two_replicas_and_one_of_them_stays(manifests: list[dict[str, Any]]) -> None:
    for name in ADAPTERS:
        deployment = one(manifests, "Deployment", name)
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["replicas"] == 2
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert deployment["spec"]["template"]["spec"]["containers"][0]["args"] == [name]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        budget = one(manifests, "PodDisruptionBudget", name)
        assert budget["spec"]["minAvailable"] == 1
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


def allowed(manifests: list[dict[str, Any]], source: str, target: str, port: int) -> bool:
    """Whether the policies let one pod talk to another: both an egress and an ingress rule must say so."""
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in manifests
        if each["kind"] in {"Deployment", "StatefulSet"}
    }

    def selects(selector: dict[str, Any], name: str) -> bool:
        wanted = selector.get("matchLabels", {})
        listed = selector.get("matchExpressions", [])
        return wanted.items() <= labels[name].items() and all(
            labels[name].get(each["key"]) in each["values"] for each in listed
        )

    def lets(direction: str, peers: str, owner: str, other: str) -> bool:
        for policy in (each["spec"] for each in manifests if each["kind"] == "NetworkPolicy"):
            if not selects(policy["podSelector"], owner):
                continue
            for rule in policy.get(direction, []):
                if port not in [each["port"] for each in rule["ports"]]:
                    continue
                listed = rule.get(peers)
                if listed is None or any(
                    "podSelector" in peer and "namespaceSelector" not in peer and selects(peer["podSelector"], other)
                    for peer in listed
                ):
                    return True
        return False

    return lets("egress", "to", source, target) and lets("ingress", "from", target, source)


def test_only_who_must_talk_may_talk(manifests: list[dict[str, Any]]) -> None:
    default = one(manifests, "NetworkPolicy", "nothing-but-names")
    assert default["spec"]["podSelector"] == {}
    assert default["spec"]["policyTypes"] == ["Ingress", "Egress"]
    may = {
        (source, target)
        for source in pods(manifests)
        for target, port in (("redis", 6379), ("serve", 5951), ("web", 5950))
        if source != target and allowed(manifests, source, target, port)
    }
    assert may == {(adapter, target) for adapter in ADAPTERS for target in ("redis", "serve")}


def test_slack_by_http_is_reachable_where_it_listens(
    manifests: list[dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    pod = pods(manifests)["slack"]
    ports = {port["name"]: port["containerPort"] for port in pod["containers"][0]["ports"]}
    if request.node.callspec.params["manifests"] != "slack-http":
        assert ports == {"metrics": 5960}
        return
    assert environment(pod)["GLADOS_SLACK_MODE"] == "http"
    assert ports["http"] == int(environment(pod)["GLADOS_SLACK_HTTP_PORT"])
    policy = one(manifests, "NetworkPolicy", "slack-http")["spec"]
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": ports["http"]}]}]
    service = one(manifests, "Service", "slack")["spec"]
    assert service["ports"][0]["targetPort"] == "http"


def test_the_page_has_no_way_to_the_internet(manifests: list[dict[str, Any]]) -> None:
    free = {
        each["metadata"]["name"]
        for each in manifests
        if each["kind"] == "Deployment" and "glados/internet" in each["spec"]["template"]["metadata"]["labels"]
    }
    assert free == {"discord", "slack", "serve"}


def test_secrets_come_from_the_secret_and_stay_out_of_git(manifests: list[dict[str, Any]]) -> None:
    secret = next(each for each in manifests if each["kind"] == "Secret")
    for pod in pods(manifests).values():
        for entry in pod["containers"][0]["env"]:
            if any(word in entry["name"] for word in ("TOKEN", "PASSWORD", "API_KEY", "SECRET")):
                reference = entry["valueFrom"]["secretKeyRef"]
                assert reference["name"] == secret["metadata"]["name"]
                assert reference["key"] in secret["data"]
    assert (DEPLOY / "kubernetes" / "gpu" / ".gitignore").read_text(encoding="utf-8").strip() == Path(SECRETS).name


def test_only_the_gpu_variant_asks_for_one(manifests: list[dict[str, Any]], request: pytest.FixtureRequest) -> None:
    limits = pods(manifests)["serve"]["containers"][0]["resources"]["limits"]
    image = pods(manifests)["serve"]["containers"][0]["image"]
    if image == "glados:cuda":
        assert limits["nvidia.com/gpu"] == 1
    else:
        assert image == "glados:cpu"
        assert "nvidia.com/gpu" not in limits
    assert request.node.callspec.params["manifests"] in {"gpu", "cpu", "slack-http"}
