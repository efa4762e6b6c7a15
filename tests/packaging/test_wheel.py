"""The wheel as an index would offer it: what is in it, and that it works in an environment that has what its metadata
ask for and nothing else, far from this tree."""

import contextlib
import json
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import httpx
import pytest
from packaging.requirements import Requirement

from cli.demo.data import sign_samples, write_signs
from cli.service.local_service import running_url
from deploy.docker.requirements import closure
from nettailor.network.backbones import load_backbone
from tests.cli.publishing import publish
from tests.documented import ROOT
from tests.linked_environment import link, linked_environment, site_of
from tests.processes.environment import without_settings
from tests.waiting import PATIENCE_SECONDS, until

_TARGETS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
_PACKAGES = [ROOT / package for package in _TARGETS["wheel"]["packages"]]
_RAY_ENTRY = "import deploy.ray.application, deploy.ray.replica\nfrom deploy.ray.__main__ import main\nmain()"
_INSTALL_SECONDS = 1800.0  # of some gigabytes, over whatever line there is


def _built(kind: str, source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    (path,) = folder.iterdir()
    return path


def _contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _built("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel, and links to the distributions that it requires."""
    python = linked_environment(tmp_path_factory.mktemp("installed") / "venv", [])
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    link(closure(_required(python)), python)
    return python


def _required(python: Path, extra: str = "") -> list[str]:
    """What the installed wheel says that it needs, with what an extra adds to it."""
    (ours,) = distributions(name="nettailor-server", path=[str(site_of(python))])
    needs = [Requirement(text) for text in ours.requires or ()]
    asked = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return [str(need).partition(";")[0] for need in asked]


def _run(python: Path, *command: str, folder: Path, status: int = 0, seconds: float = PATIENCE_SECONDS) -> str:
    """What the command of the environment prints, started in a folder away from the tree."""
    ended = subprocess.run(
        [str(python.with_name(command[0])), *command[1:]],
        cwd=folder,
        env=_environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout if status == 0 else ended.stderr


def _environment() -> dict[str, str]:
    """Without what is our Python's own; jobs do not wait for other tests."""
    inherited = {name: value for name, value in without_settings().items() if not name.startswith("PYTHON")}
    return inherited | {"NETTAILOR_JOB_THREADS": "1", "NETTAILOR_JOB_NICENESS": "0"}


def test_every_package_is_listed() -> None:
    """The client's too, which the command uses."""
    found = {path.parent for pattern in ("*/__init__.py", "client/*/__init__.py") for path in ROOT.glob(pattern)}
    assert found == {*_PACKAGES, ROOT / "tests"}


def test_the_wheel_has_every_file_of_its_packages(wheel: Path) -> None:
    """Code, settings, scripts for Redis, pages, weights, and what `deploy` is for: all that git would list."""
    inside = {name: data for name, data in _contents(wheel).items() if ".dist-info/" not in name}
    files = {path: package.parent for package in _PACKAGES for path in package.rglob("*") if path.is_file()}
    expected = {
        str(path.relative_to(folder)): path.read_bytes()
        for path, folder in files.items()
        if path.parent.name not in ("__pycache__", "secrets")
    }
    assert inside.keys() == expected.keys()
    assert inside == expected
    assert {Path(name).suffix for name in inside} >= {".py", ".txt", ".lua", ".html", ".safetensors", ".json", ".conf"}


@pytest.mark.nightly  # two more builds, of what is made when a release is
def test_a_wheel_of_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(_built("sdist", ROOT, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("nettailor_server-*")
    assert _contents(_built("wheel", source, tmp_path / "wheel")) == _contents(wheel)


def test_the_doctor_finds_nothing_wrong(python: Path, tmp_path: Path) -> None:
    findings = json.loads(_run(python, "nettailor", "doctor", "--json", folder=tmp_path))["checks"]
    assert {finding["state"] for finding in findings} <= {"ok", "warn"}
    (backbone,) = [finding for finding in findings if finding["check"] == "backbone"]
    assert backbone["state"] == "ok"
    assert "mini26" in backbone["found"]


@pytest.mark.nightly  # a service and a training; by day the doctor tries what is installed
def test_the_service_predicts_and_starts_to_tailor(python: Path, tmp_path: Path) -> None:
    """With the backbone that the wheel carries."""
    folder = tmp_path / "data"
    publish(folder, "signs", load_backbone("mini26").fingerprint())
    write_signs(tmp_path / "signs.zip", train=10, test=2)
    (tmp_path / "sign.png").write_bytes(sign_samples(1)[0][1])
    with _up(python, folder) as url:
        predict = ("nettailor", "predict", "signs", "sign.png", "--json", "--url", url)
        answer = json.loads(_run(python, *predict, folder=tmp_path))
        assert (answer["task"], len(answer["predictions"])) == ("signs", 1)
        job = f"{url}{_upload(url, tmp_path / 'signs.zip')}"
        until(lambda: _stage(job) == "teacher")


@contextlib.contextmanager
def _up(python: Path, folder: Path) -> Iterator[str]:
    """The URL of the environment's `nettailor up`."""
    command = [str(python.with_name("nettailor")), "up", "--data-dir", str(folder), "--port", "0", "--lifeline"]
    log = folder.parent / "up.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, cwd=folder.parent, env=_environment(), stdin=subprocess.PIPE, stdout=output, stderr=output
        )
    try:
        yield until(lambda: running_url(folder, pid=process.pid), process=process)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, log.read_text()


def _upload(url: str, archive: Path) -> str:
    """The path of the job."""
    files = {"file": archive.read_bytes()}
    answer = httpx.post(
        f"{url}/tasks/signs/dataset?preset=fast", files=files, trust_env=False, timeout=PATIENCE_SECONDS
    )
    return str(answer.raise_for_status().headers["location"])


def _stage(job: str) -> Any:
    found = httpx.get(job, trust_env=False, timeout=PATIENCE_SECONDS).raise_for_status().json()
    assert found["state"] in ("queued", "running"), found
    return found["stage"]


@pytest.mark.nightly  # imports Ray and torch; its list changes with pyproject.toml alone
def test_the_extra_for_ray_is_all_that_its_entry_needs(python: Path, tmp_path: Path) -> None:
    """As far as to what the settings lack, by when everything is imported and nothing started."""
    link(closure(_required(python, "ray")), python)
    ended = _run(python, "python", "-c", _RAY_ENTRY, folder=tmp_path, status=1)
    assert "NETTAILOR_REDIS_URL is not set" in ended


@pytest.mark.nightly  # asks an index for everything, torch included
def test_pip_installs_all_that_is_needed(wheel: Path, tmp_path: Path) -> None:
    """In the newest versions that the metadata allow, but of torch the build that `make install` takes."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=PATIENCE_SECONDS)
    python = tmp_path / "venv/bin/python"
    constraints = str(ROOT / "requirements-torch.lock")
    install = ("python", "-m", "pip", "install", "--constraint", constraints, f"{wheel}[ray]")
    _run(python, *install, folder=tmp_path, seconds=_INSTALL_SECONDS)
    _run(python, "python", "-m", "pip", "check", folder=tmp_path)
    _run(python, "nettailor", "doctor", folder=tmp_path)
    write_signs(tmp_path / "signs.zip", train=10, test=2)
    (tmp_path / "sign.png").write_bytes(sign_samples(1)[0][1])
    on_data = ("--data-dir", "data")
    tailor = ("tailor", "signs.zip", "--task", "signs", "--preset", "fast", "--yes")
    _run(python, "nettailor", *tailor, *on_data, folder=tmp_path, seconds=_INSTALL_SECONDS)
    predict = ("predict", "signs", "sign.png", "--json")
    answer = json.loads(_run(python, "nettailor", *predict, *on_data, folder=tmp_path))
    assert (answer["task"], len(answer["predictions"])) == ("signs", 1)
    assert "NETTAILOR_REDIS_URL is not set" in _run(python, "python", "-c", _RAY_ENTRY, folder=tmp_path, status=1)
