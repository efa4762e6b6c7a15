"""A bare virtual environment with nothing in it but the distributions of an image's list."""

from pathlib import Path

from deploy.docker.requirements import path_of
from tests.documented import ROOT
from tests.linked_environment import linked_environment, site_of


def bare_environment(image: str, folder: Path) -> Path:
    """Its Python. The files are links to those of this environment, which has them in the lock's versions."""
    lists = [image, "torch"] if image in ("server", "trainer") else [image]
    lines = [line for each in lists for line in path_of(each).read_text().splitlines() if line[0] not in "# "]
    python = linked_environment(folder, [*(line.partition("==")[0] for line in lines), "nettailor-server"])
    (site_of(python) / "ours.pth").write_text(f"{ROOT}\n{ROOT / 'client'}\n")
    return python
