"""The README's curl examples, run as they are printed."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nettailor_client import Client
from tests.documented import ROOT

_PRINTED = "http://127.0.0.1:8000"


def _examples() -> list[str]:
    section = (ROOT / "README.md").read_text().split("\n## Over HTTP\n")[1].split("\n## ")[0]
    return re.findall(r"```bash\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def _what_it_tailors_ends(service: str) -> Iterator[None]:
    """Else the service would train beside all other tests."""
    yield
    with Client(service) as client:
        for job in client.jobs():
            if job.state in ("queued", "running"):
                client.cancel(job.id)


@pytest.mark.usefixtures("_what_it_tailors_ends")
def test_the_curl_examples_work(service: str, tmp_path: Path) -> None:
    """In one shell, from an empty folder; only the port is ours, and a stream that lasts as long as its job is left
    after a moment (curl then says 28)."""
    script = "\n".join(_examples()).replace(_PRINTED, service).replace(".venv/bin/python", sys.executable)
    script = script.replace("curl -N ", "leave curl -N --max-time 3 ").replace("curl ", "curl --fail-with-body -sS ")
    preamble = 'leave() { "$@" || test $? = 28; }\n'
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", preamble + script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert '{"layout": "' in result.stdout
    for part in ("202 Accepted", "location: /jobs/", '"state":"queued"', "event: state", "nettailor_requests_total"):
        assert part in result.stdout
    assert result.stdout.count('"task":"signs","version":') >= 3 + 1  # three predictions and the list of versions
