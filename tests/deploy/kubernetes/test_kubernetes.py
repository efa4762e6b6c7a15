"""deploy/kubernetes: every object against Kubernetes' own schemas, and what must fit between objects."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings import ServerSettings
from tests.deploy.programs import program
from tests.documented import ROOT, documented

_FOLDER = ROOT / "deploy/kubernetes"
_VERSION = "1.34"  # of the schemas
_UNKNOWN = {"Kustomization", "Component", "ServiceMonitor"}  # of kustomize, of Prometheus's operator
_WORKLOADS = ("Deployment", "StatefulSet")
_FILES = sorted(path for path in _FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml")
_KUSTOMIZATIONS = sorted(_FOLDER.rglob("kustomization.yaml"))

Object = dict[str, Any]


def _objects(*paths: Path) -> list[Object]:
    return [thing for path in paths for thing in yaml.safe_load_all(path.read_text())]


def _validate(thing: Object) -> None:
    import kubernetes_validate  # builds grammars for seconds: not wherever tests are collected

    kubernetes_validate.validate(thing, _VERSION, strict=True)


_BASE = _objects(*sorted((_FOLDER / "base").glob("*.yaml")))


def _of(*kinds: str) -> list[Object]:
    return [thing for thing in _BASE if thing["kind"] in kinds]


def _pods() -> list[tuple[str, Object]]:
    return [(thing["metadata"]["name"], thing["spec"]["template"]) for thing in _of(*_WORKLOADS)]


_PODS = [pytest.param(name, pod, id=name) for name, pod in _pods()]


@pytest.mark.parametrize("path", [path for path in _FILES if "overlays" not in path.parts], ids=lambda path: path.name)
def test_every_object_is_of_its_schema(path: Path) -> None:
    for thing in _objects(path):
        if thing["kind"] not in _UNKNOWN:
            _validate(thing)


@pytest.mark.parametrize("path", _KUSTOMIZATIONS, ids=lambda path: path.parent.name)
def test_a_kustomization_names_just_the_files_beside_it(path: Path) -> None:
    (settings,) = _objects(path)
    named = [
        *settings.get("resources", ()),
        *(patch["path"] for patch in settings.get("patches", ()) if "path" in patch),
    ]
    for generator in settings.get("configMapGenerator", ()):
        named += [*generator.get("envs", ()), *generator.get("files", ())]
    files = {name for name in named if (path.parent / name).is_file()}
    assert files == {beside.name for beside in path.parent.iterdir() if beside.is_file()} - {"kustomization.yaml"}
    for name in set(named) - files:
        assert (path.parent / name / "kustomization.yaml").is_file(), name


@pytest.mark.parametrize("overlay", ["cpu", "gpu"])
def test_kustomize_builds_what_the_schemas_accept(overlay: str) -> None:
    try:
        kubectl = program("kubectl")
    except pytest.fail.Exception:
        pytest.skip("kubectl is not installed; the files are checked one by one above")
    command = [kubectl, "kustomize", str(_FOLDER / "overlays" / overlay)]
    built = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    objects = list(yaml.safe_load_all(built.stdout))
    for thing in objects:
        _validate(thing)
        assert thing["kind"] == "Namespace" or thing["metadata"]["namespace"] == "nettailor"
    proxies = [t["data"] for t in objects if t["kind"] == "ConfigMap" and t["metadata"]["name"].startswith("proxy-")]
    (proxy,) = proxies
    for file in (ROOT / "deploy/docker/proxy").glob("*.conf"):
        own = _FOLDER / "base" / file.name
        assert proxy[file.name] == (own if own.exists() else file).read_text()
    for thing in objects:
        if thing["kind"] in _WORKLOADS:
            (container,) = thing["spec"]["template"]["spec"]["containers"]
            assert container["image"].rpartition(":")[2] != "latest"
            gpu = "nvidia.com/gpu" in container["resources"]["limits"]
            assert gpu == (overlay == "gpu" and thing["metadata"]["name"] in ("server", "worker"))


@pytest.mark.parametrize(("name", "pod"), _PODS)
def test_a_pod_has_no_more_rights_than_it_needs(name: str, pod: Object) -> None:
    spec = pod["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize(("name", "pod"), _PODS)
def test_a_pod_is_probed_and_mounts_what_it_has(name: str, pod: Object) -> None:
    (container,) = pod["spec"]["containers"]
    ports = {port["name"] for port in container.get("ports", ())}
    probes = {
        kind: container[kind] for kind in ("startupProbe", "readinessProbe", "livenessProbe") if kind in container
    }
    assert "livenessProbe" in probes
    assert all(probe["httpGet"]["port"] in ports for probe in probes.values() if "httpGet" in probe)
    claims = [
        claim["metadata"]["name"]
        for workload in _of("StatefulSet")
        if workload["metadata"]["name"] == name
        for claim in workload["spec"]["volumeClaimTemplates"]
    ]
    volumes = [volume["name"] for volume in pod["spec"]["volumes"]]
    assert sorted(volumes + claims) == sorted(mount["name"] for mount in container["volumeMounts"])
    folders = [mount["mountPath"] for mount in container["volumeMounts"]]
    for variable in container.get("env", ()):
        if str(variable.get("value", "")).startswith("/"):
            assert any(variable["value"].startswith(folder) for folder in folders), variable


def test_labels_selectors_and_ports_fit() -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in _pods()}
    for workload in _of(*_WORKLOADS):
        assert workload["spec"]["selector"]["matchLabels"] == labels[workload["metadata"]["name"]]
    for budget in _of("PodDisruptionBudget"):
        assert budget["spec"]["selector"]["matchLabels"] == labels[budget["metadata"]["name"]]
    for service in _of("Service"):
        name = service["metadata"]["name"]
        assert service["spec"]["selector"] == labels[name]
        (container,) = dict(_pods())[name]["spec"]["containers"]
        known = {port["name"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= known
    for scaler in _of("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        (workload,) = [w for w in _of(target["kind"]) if w["metadata"]["name"] == target["name"]]
        assert "replicas" not in workload["spec"], "applying it again would undo the autoscaler"
    names = {service["metadata"]["name"] for service in _of("Service")}
    assert names == {"redis", "registry", "server", "trainer", "proxy"}
    for ingress in _of("Ingress"):
        backends = [path["backend"]["service"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
        assert backends == [{"name": "proxy", "port": {"name": "http"}}]


def test_networks_open_what_is_needed_to_pods_that_there_are() -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in _of("NetworkPolicy")}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    known = {name for name, _ in _pods()}
    selected = set()
    for spec in policies.values():
        wanted = [spec["podSelector"], *(peer.get("podSelector", {}) for peer in _peers(spec))]
        for selector in wanted:
            selected |= set(selector.get("matchLabels", {}).values())
            selected |= {name for rule in selector.get("matchExpressions", ()) for name in rule["values"]}
    assert selected == known


def _peers(spec: Object) -> list[Object]:
    rules = [(rule, "from") for rule in spec.get("ingress", ())] + [(rule, "to") for rule in spec.get("egress", ())]
    return [peer for rule, side in rules for peer in rule.get(side, ())]


def test_every_variable_is_a_setting() -> None:
    lines = (_FOLDER / "base/settings.env").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines if not line.startswith("#")}
    for _, pod in _pods():
        names |= {variable["name"] for variable in pod["spec"]["containers"][0].get("env", ())}
    assert {name for name in names if name.startswith("NETTAILOR_")} <= set(documented("Settings"))


def test_a_full_disk_tier_leaves_room_in_its_volume() -> None:
    """Exports and weights from the net lie there, too, and a pod that fills its volume is evicted, with all of it."""
    (server,) = [pod for name, pod in _pods() if name == "server"]
    (cache,) = [volume for volume in server["spec"]["volumes"] if volume["name"] == "cache"]
    size_gib = int(cache["emptyDir"]["sizeLimit"].removesuffix("Gi"))
    assert size_gib * 2**30 - ServerSettings().disk_budget_bytes >= 2**31
