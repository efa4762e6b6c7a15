"""What a service of one's own is started with."""

import json
import sys
from pathlib import Path

import pytest

from cli.errors import CannotWrite, ServiceStartFailed
from cli.service.local_service import LocalService, running_url
from cli.service.up import _claimed
from hosting.errors import DataFolderUnusable


def test_the_environment_wins_over_the_callers_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, python = tmp_path / "seen.json", tmp_path / "python"
    says_its_environment = f"import json, os; open({str(seen)!r}, 'w').write(json.dumps(dict(os.environ)))"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{says_its_environment}"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("NETTAILOR_WORKER_HELPS", "false")
    defaults = {"NETTAILOR_WORKER_HELPS": "true", "NETTAILOR_WORKER_JOBS_PER_DEVICE": "2"}
    with pytest.raises(ServiceStartFailed):
        LocalService(tmp_path / "data", defaults=defaults).start()
    environment = json.loads(seen.read_text())
    assert (environment["NETTAILOR_WORKER_HELPS"], environment["NETTAILOR_WORKER_JOBS_PER_DEVICE"]) == ("false", "2")


@pytest.mark.parametrize("place", ["file", "file/data"])
def test_a_data_folder_that_can_be_none_is_told_in_a_line(tmp_path: Path, place: str) -> None:
    """As one is that this user may not write into, or of a disk that nobody may."""
    (tmp_path / "file").write_bytes(b"")
    data_dir = tmp_path / place
    assert running_url(data_dir) is None
    with pytest.raises(CannotWrite, match=r"cannot be written: (Not a directory|File exists)"):
        LocalService(data_dir).start()
    with pytest.raises(DataFolderUnusable, match=r"cannot be used: (Not a directory|File exists)"), _claimed(data_dir):
        pytest.fail("it is no folder")
