"""What a service of one's own is started with."""

import json
import sys
from pathlib import Path

import pytest

from cli.errors import ServiceStartFailed
from cli.service.local_service import LocalService


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
