"""The commands of docs/deployment.md for a backup and its restore, as they are printed.

Those of Compose run here without containers: `docker` is a function that runs the rest of its line on this machine,
with a folder of ours for the volume.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.bundles import tiny_bytes
from tests.documented import ROOT

_PAGE = (ROOT / "docs/deployment.md").read_text()
_COMMANDS = re.findall(r"```bash\n(.*?)```", _PAGE.split("\n## Backup\n")[1].split("\n## ")[0], re.DOTALL)
# Drops `compose exec -T registry` and the like.
_DOCKER = """
docker() {
  while [[ $1 != tar && $1 != python ]]; do shift; done
  local words=("${@/#\\/blobs/$BLOBS}")
  "${words[@]/#python/$PYTHON}"
}
"""


@pytest.fixture
def here(tmp_path: Path, redis_client: "redis.Redis") -> Path:
    """A folder with the data of a service in it: two versions of a task, the second one live, and a job's record."""
    blobs = Blobs(str(tmp_path / "data/blobs"))
    registry = Registry(blobs, redis_client)
    for seed in (0, 1):
        registry.publish("signs", tiny_bytes(seed=seed), actor="me")
    registry.promote("signs", "live", 2, actor="me", reason="")
    blobs.store.create("jobs/0/1.json", b"{}")
    return tmp_path


def run(script: str, here: Path, **environment: str) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NETTAILOR_")}
    command = ["bash", "-euo", "pipefail", "-c", script]
    environment = kept | {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable} | environment
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_of_a_data_folder(here: Path) -> None:
    (own,) = [commands for commands in _COMMANDS if "docker" not in commands]
    shown = run(own, here)
    before, after = files(here / "data/blobs"), files(here / "restored/blobs")
    assert before == {name: data for name, data in after.items() if name in before}
    assert len(before) >= 2 + 3 + 1
    assert "signs" in shown or "1 task" in shown, shown


def test_of_the_volume_of_compose(here: Path) -> None:
    backup, restore = (commands for commands in _COMMANDS if "docker" in commands)
    volume = here / "volume"
    volume.mkdir()
    run(_DOCKER + backup, here, BLOBS=str(here / "data/blobs"))
    run(_DOCKER + restore, here, BLOBS=str(volume), NETTAILOR_BLOBS_URL=str(volume))
    assert files(volume).items() >= files(here / "data/blobs").items()
