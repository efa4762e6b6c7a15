"""A fresh clone with its own environment, and what a person has beside it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.first_hour.photographs import write_photographs
from tests.documented import ROOT

_KEPT = ("PATH", "HOME", "PIP_CONFIG_FILE", "PIP_INDEX_URL", "PIP_CACHE_DIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def fresh_clone(folder: Path, images: int) -> Path:
    """Of the repository's last commit, with `photos/`, `photo.jpg` and `labelled/`, other photographs, in it."""
    clone = folder / "nettailor-server"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    write_photographs(clone / "labelled", images // 5, seed=1)
    write_photographs(clone / "photos", images)
    return clone


def environment(clone: Path, port: int, **more: str) -> Mapping[str, str]:
    """Of a terminal in which `.venv/bin/activate` was sourced."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "PATH": f"{clone / '.venv/bin'}:{kept['PATH']}",
        "VIRTUAL_ENV": str(clone / ".venv"),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "NETTAILOR_URL": f"http://127.0.0.1:{port}",
        "no_proxy": "127.0.0.1,localhost",
        **more,
    }
