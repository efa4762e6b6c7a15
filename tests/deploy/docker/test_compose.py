"""What holds for every service of docker-compose.yml. Docker Compose's own schema is checked where it is read."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.docker.compose import PROFILES, configuration, read, services
from tests.documented import ROOT, documented

_ALL = [pytest.param(name, service, id=name) for name, service in (services("cpu") | services("gpu")).items()]
_OURS = {"registry", "server", "server-gpu", "trainer", "worker", "worker-gpu"}

_COMING_FOLDERS = {"prometheus", "grafana"}  # of the change that brings dashboards and alerts
_MOUNTED = ("deploy/docker/proxy", "deploy/prometheus", "deploy/grafana/provisioning", "deploy/grafana/dashboards")
_OF_OTHERS = {"redis", "proxy", "prometheus", "grafana"}


def test_the_profiles_differ_in_the_server_and_the_worker_alone() -> None:
    cpu, gpu = (set(services(profile)) for profile in PROFILES)
    assert cpu == _OF_OTHERS | {"registry", "trainer", "server", "worker"}
    assert gpu == _OF_OTHERS | {"registry", "trainer", "server-gpu", "worker-gpu"}
    for name in ("server-gpu", "worker-gpu"):
        (device,) = services("gpu")[name]["deploy"]["resources"]["reservations"]["devices"]
        assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert services("gpu")["server-gpu"]["environment"]["NETTAILOR_DEVICE"] == "cuda"
    for profile, name in (("cpu", "server"), ("gpu", "server-gpu")):
        assert services(profile)[name]["networks"]["inside"]["aliases"] == ["server"]


@pytest.mark.parametrize(("name", "service"), _ALL)
def test_only_workers_yield_the_processor(name: str, service: dict[str, Any]) -> None:
    assert service.get("cpu_shares", 1024) == (102 if name.startswith("worker") else 1024)


@pytest.mark.parametrize(("name", "service"), _ALL)
def test_it_has_no_more_rights_than_it_needs(name: str, service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"]), "a number, so that it is known not to be root"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "cap_add", "pid", "ipc", "network_mode", "devices"}
    limits = service["deploy"]["resources"]["limits"]
    assert limits["cpus"] > 0
    assert int(limits["memory"]) >= 512 << 20
    assert limits["pids"] > 0


@pytest.mark.parametrize(("name", "service"), _ALL)
def test_it_is_watched_and_started_again_and_its_log_ends_somewhere(name: str, service: dict[str, Any]) -> None:
    assert len(service["healthcheck"]["test"]) >= 2
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"
    assert service["init"]
    assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}


@pytest.mark.parametrize(("name", "service"), _ALL)
def test_its_image_is_of_one_version(name: str, service: dict[str, Any]) -> None:
    image, _, tag = service["image"].partition("@")[0].rpartition(":")
    assert image
    assert re.match(r"v?\d+\.\d+\.\d+", tag), f"{tag} may be another image tomorrow"


def test_what_writes_has_a_volume_and_replicas_share_no_cache() -> None:
    for profile in PROFILES:
        for name, service in services(profile).items():
            anonymous = [volume["target"] for volume in service.get("volumes", []) if not volume.get("source")]
            assert anonymous == (["/cache"] if name.startswith("server") else [])
            for volume in service.get("volumes", []):
                assert volume["type"] == "volume" or volume["read_only"]
    for name in ("registry", "trainer", "server", "worker"):
        assert "blobs" in [volume.get("source") for volume in services("cpu")[name]["volumes"]]
    assert set(configuration("cpu")["volumes"]) == {"blobs", "redis", "training", "prometheus", "grafana"}


def test_what_it_mounts_is_there() -> None:
    for service in services("cpu").values():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                folder = Path(volume["source"]).relative_to(ROOT)
                assert folder in map(Path, _MOUNTED)
                assert (ROOT / folder).is_dir() or folder.parts[1] in _COMING_FOLDERS


def test_only_the_proxy_and_grafana_are_published_and_only_to_this_machine() -> None:
    published = {name: service.get("ports", []) for name, service in services("cpu").items()}
    assert {name for name, ports in published.items() if ports} == {"proxy", "grafana"}
    assert all(port["host_ip"] == "127.0.0.1" for ports in published.values() for port in ports)
    assert configuration("cpu")["networks"]["store"]["internal"]
    assert list(services("cpu")["redis"]["networks"]) == ["store"]


def test_secrets_are_files_that_no_commit_holds() -> None:
    secrets = configuration("cpu")["secrets"]
    assert {name for name in secrets if name != "pip_conf"} == {"redis_password", "keys.json", "grafana_password"}
    for name, secret in secrets.items():
        folder = Path(secret["file"]).parent
        assert folder == ROOT / "deploy/docker" / ("" if name == "pip_conf" else "secrets")
    assert "/deploy/docker/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    for name, service in services("cpu").items():
        text = str(service.get("environment", {})) + str(service.get("command"))
        for secret in re.findall(r"/run/secrets/([\w.]+)", text):
            assert secret in [given["source"] for given in service["secrets"]], name


def test_every_variable_is_a_setting() -> None:
    known = set(documented("Settings"))
    for name in _OURS:
        environment = (services("cpu") | services("gpu"))[name]["environment"]
        assert not {key for key in environment if key.startswith("NETTAILOR_")} - known


# What the containers themselves decide: where they listen, what they mount, whom they know; and limits of CPUs.
_OF_THE_CONTAINERS = {
    "NETTAILOR_HOST",
    "NETTAILOR_PORT",
    "NETTAILOR_REDIS_URL",
    "NETTAILOR_REDIS_PASSWORD_FILE",
    "NETTAILOR_KEYS_FILE",
    "NETTAILOR_DATA_DIR",
    "NETTAILOR_CACHE_DIR",
    "NETTAILOR_DEVICE",
    "NETTAILOR_ENGINE_THREADS",
    "NETTAILOR_JOB_THREADS",
    "NETTAILOR_MAX_CONNECTIONS_PER_ADDRESS",
    "NETTAILOR_WORKER_JOBS_PER_DEVICE",
}


@pytest.mark.parametrize("name", sorted(_OURS))
def test_every_setting_can_be_given(name: str) -> None:
    """In the optional file, or, where the environment has it, by a variable of its own."""
    service = (services("cpu") | services("gpu"))[name]
    text = (ROOT / "docker-compose.yml").read_text()
    for given in set(service["environment"]) - _OF_THE_CONTAINERS:
        assert not given.startswith("NETTAILOR_") or f"{given}: ${{{given}:-" in text, given
    assert set(documented("Settings")) >= _OF_THE_CONTAINERS


def test_the_file_of_settings_reaches_every_service_and_no_commit(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    settings = tmp_path / "deploy/docker/settings.env"
    settings.parent.mkdir(parents=True)
    settings.write_text("NETTAILOR_QUEUE_BOUND=7\nNETTAILOR_HOST=192.0.2.1\n")
    found = read(tmp_path, ("cpu", "gpu"))["services"]
    for name in _OURS:
        assert found[name]["environment"]["NETTAILOR_QUEUE_BOUND"] == "7"
        assert found[name]["environment"]["NETTAILOR_HOST"] == "0.0.0.0", "what the containers need has precedence"
    assert "/deploy/docker/settings.env" in (ROOT / ".gitignore").read_text().splitlines()
