"""Programs that these tests need and pip does not always bring."""

import shutil
import sys
from pathlib import Path

import pytest


def program(name: str) -> str:
    """Its path: beside this Python, else on PATH. Where it is missing the test is skipped and says so, in CI as well:
    `make test` needs nothing that pip does not bring."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found
