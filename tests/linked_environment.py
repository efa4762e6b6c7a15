"""A bare virtual environment with nothing in it but the distributions that are named."""

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path


def linked_environment(folder: Path, names: Iterable[str]) -> Path:
    """Its Python. The files are links to those of this environment, in which the distributions are installed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    python = folder / "bin/python"
    link(names, python)
    return python


def link(names: Iterable[str], python: Path) -> None:
    """Put distributions of this environment into that of the given Python."""
    for name in names:
        _link_one(name, site_of(python))


def site_of(python: Path) -> Path:
    """The folder that pip installs packages into."""
    (site,) = python.parents[1].glob("lib/python*/site-packages")
    return site


def _link_one(name: str, site: Path) -> None:
    found = distribution(name)
    tops = {file.parts[0] for file in found.files or () if not file.parts[0].startswith((".", "__editable__"))}
    for top in tops - {"__pycache__"}:
        source = Path(str(found.locate_file(top)))
        if source.suffix != ".pth" and not (site / top).exists():
            (site / top).symlink_to(source)
