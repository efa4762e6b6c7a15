"""The client's own wheel: what is in it, what it needs, and that it works where nothing else of ours is."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path

import pytest

from deploy.docker.requirements import closure
from tests.cli.publishing import publish
from tests.documented import ROOT
from tests.linked_environment import linked_environment, site_of
from tests.pictures import huge_png
from tests.up import random_backbone, running
from tests.waiting import PATIENCE_SECONDS

_MOST_BYTES = 15 * 10**6
_ASK = """
import sys
from nettailor_client import Client
with Client(sys.argv[1]) as client:
    print(client.predict("signs", sys.argv[2]).task)
assert not {"torch", "numpy", "PIL"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT / "client", check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("data")
    with random_backbone(tmp_path_factory.mktemp("weights")) as fingerprint:
        publish(folder, "signs", fingerprint)
        with running(folder) as url:
            yield url


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_it_holds_the_package_and_needs_httpx_and_pydantic(wheel: Path) -> None:
    package = ROOT / "client/nettailor_client"
    files = {str(path.relative_to(package.parent)) for path in package.rglob("*") if path.suffix in (".py", ".typed")}
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == files
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        about = BytesParser().parsebytes(archive.read(metadata))
        assert any(name.endswith("/LICENSE") for name in archive.namelist())
    assert about["Requires-Python"] == ">=3.10"
    needs = [text.split(">")[0].split("<")[0] for text in about.get_all("Requires-Dist", [])]
    assert needs == ["httpx", "pydantic"]
    assert not closure(needs) & {"torch", "numpy", "pillow", "fastapi", "redis"}


def test_it_imports_with_what_it_needs_and_nothing_else(wheel: Path, tmp_path: Path) -> None:
    python = linked_environment(tmp_path / "venv", closure(["httpx", "pydantic"]))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site_of(python))
    command = [
        str(python),
        "-I",
        "-c",
        "from nettailor_client import AsyncClient, Client; print(Client('http://a').url)",
    ]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "http://a\n"


@pytest.mark.nightly  # asks an index
def test_installed_by_pip_it_is_small_and_asks_a_service(wheel: Path, service: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=PATIENCE_SECONDS)
    python = tmp_path / "venv/bin/python"
    before = _size_bytes(site_of(python))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(python), "-m", "pip", "install", str(wheel)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=600)
    assert _size_bytes(site_of(python)) - before < _MOST_BYTES
    assert not (site_of(python) / "torch").exists()
    (tmp_path / "sign.png").write_bytes(huge_png(40, 40))
    ask = [str(python), "-I", "-c", _ASK, service, "sign.png"]
    assert subprocess.run(ask, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "signs\n"
