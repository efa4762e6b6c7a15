"""A bare virtual environment with nothing in it but the distributions of an image's list."""

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

from deploy.docker.requirements import path_of
from tests.documented import ROOT


def bare_environment(image: str, folder: Path) -> Path:
    """Its Python. The files are links to those of this environment, which has them in the lock's versions."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    (site,) = folder.glob("lib/python*/site-packages")
    lists = [image, "torch"] if image in ("server", "trainer") else [image]
    lines = [line for each in lists for line in path_of(each).read_text().splitlines() if line[0] not in "# "]
    for name in [*(line.partition("==")[0] for line in lines), "nettailor-server"]:
        _link(name, site)
    (site / "ours.pth").write_text(f"{ROOT}\n")
    return folder / "bin/python"


def _link(name: str, site: Path) -> None:
    found = distribution(name)
    tops = {file.parts[0] for file in found.files or () if not file.parts[0].startswith((".", "__editable__"))}
    for top in tops - {"__pycache__"}:
        source = Path(str(found.locate_file(top)))
        if source.suffix != ".pth" and not (site / top).exists():
            (site / top).symlink_to(source)
