"""docker-compose.yml as Docker Compose itself reads it: merged, with its variables filled in, checked."""

import functools
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.deploy.programs import program
from tests.documented import ROOT

PROFILES = ("cpu", "gpu")


@functools.cache
def configuration(profile: str) -> dict[str, Any]:
    """The repository's own file, for one profile."""
    return read(ROOT, (profile,))


def read(folder: Path, profiles: Sequence[str]) -> dict[str, Any]:
    """Without the machine's own variables; those of the containers' shells (`$$`) as the shells see them."""
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    command = [program("docker-compose"), *chosen, "config", "--format", "json"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # warnings of unset variables
    found: dict[str, Any] = json.loads(done.stdout.replace("$$", "$"))
    return found


def services(profile: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = configuration(profile)["services"]
    return found
