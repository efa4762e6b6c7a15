"""Clients that stock generators make from `/openapi.json` predict, publish, upload, and read jobs and refusals."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nettailor_client import Client
from tests.pictures import huge_png
from tests.trainer.uploads import GOOD
from tests.waiting import PATIENCE_SECONDS

_PYTHON = ("openapi-python-client==0.29.1",)
_TYPESCRIPT = {
    "openapi-typescript": "7.13.0",
    "openapi-fetch": "0.17.0",
    "typescript": "5.9.3",
    "@types/node": "20.19.25",
}
_COMPILE = ("tsc", "--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "typescript_script.ts")
_OVERRIDES = """
content_type_overrides:
  image/jpeg: application/octet-stream
"""

pytestmark = pytest.mark.nightly  # asks indexes of packages


@pytest.fixture
def folder(service: str, tmp_path: Path) -> Path:
    """With the document, an image and an archive."""
    with Client(service) as client:
        (tmp_path / "openapi.json").write_text(json.dumps(client.openapi()))
    (tmp_path / "sign.png").write_bytes(huge_png(40, 40))
    (tmp_path / "photos.zip").write_bytes(GOOD)
    return tmp_path


def _told(folder: Path, *command: str, path: str = "") -> str:
    """What a command prints. `path`: where it finds other commands first."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PATH": f"{path}:{environment['PATH']}", "PYTHONPATH": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_openapi_python_client(service: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, timeout=PATIENCE_SECONDS)
    tools = folder / "venv/bin"
    (folder / "overrides.yml").write_text(_OVERRIDES)
    _told(folder, str(tools / "python"), "-m", "pip", "install", "-q", *_PYTHON)
    _told(
        folder,
        *(str(tools / "openapi-python-client"), "generate", "--path", "openapi.json", "--config", "overrides.yml"),
        *("--output-path", "generated", "--meta", "none"),
        path=str(tools),  # it formats what it made with a ruff of its own
    )
    script = Path(__file__).with_name("python_script.py")
    asks = (str(tools / "python"), str(script), service, "sign.png", "photos.zip")
    assert _told(folder, *asks) == "generated\n"


def test_openapi_typescript(service: str, folder: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("no npm here")
    (folder / "package.json").write_text(json.dumps({"private": True, "type": "module", "dependencies": _TYPESCRIPT}))
    _told(folder, "npm", "install", "--no-audit", "--no-fund")
    shutil.copy(Path(__file__).with_name("typescript_script.ts"), folder)
    tools = folder / "node_modules/.bin"
    _told(folder, str(tools / "openapi-typescript"), "openapi.json", "--output", "schema.d.ts")
    _told(folder, str(tools / _COMPILE[0]), *_COMPILE[1:])
    asks = ("node", "typescript_script.js", service, "sign.png", "photos.zip")
    assert _told(folder, *asks) == "generated\n"
