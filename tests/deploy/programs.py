"""Programs that these tests need and pip does not always bring."""

import os
import shutil
import sys
from pathlib import Path

import pytest


def program(name: str) -> str:
    """Its path: beside this Python, else on PATH. Where it is missing, a person's test is skipped and CI's fails."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed")
    return found
