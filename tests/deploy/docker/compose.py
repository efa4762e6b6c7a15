"""docker-compose.yml as Docker Compose itself reads it: merged, with its variables filled in, checked."""

import functools
import json
import os
import subprocess
from typing import Any

from tests.deploy.programs import program
from tests.documented import ROOT

PROFILES = ("cpu", "gpu")


@functools.cache
def configuration(profile: str) -> dict[str, Any]:
    """Without the machine's own variables; those of the containers' shells (`$$`) as the shells see them."""
    command = [program("docker-compose"), "--profile", profile, "config", "--format", "json"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # warnings of unset variables
    found: dict[str, Any] = json.loads(done.stdout.replace("$$", "$"))
    return found


def services(profile: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = configuration(profile)["services"]
    return found
