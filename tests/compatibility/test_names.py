"""Names that are kept: what people and manifests start, and what jobs wait for in Redis, is found where it was."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from rq.utils import import_attribute

from tests.documented import ROOT
from trainer.jobs.queue import TASK
from trainer.workers import tailoring

_STARTED = (  # from outside the repository, too; tests of their own start most of them
    *("server", "registry", "trainer", "trainer.worker", "trainer.heartbeat"),
    *("deploy.grafana.build", "deploy.grafana.pictures", "deploy.docker.requirements"),
)
_WITH_HELP = (
    *("benchmarks.engine", "benchmarks.http", "benchmarks.ray", "benchmarks.soak", "benchmarks.tailor"),
    "benchmarks.tailoring_cost",
    *("benchmarks.training", "benchmarks.registry", "benchmarks.crash", "benchmarks.agreement"),
    *("trainer.pretrain", "trainer.offline", "deploy.ray", "cli"),
)
_PACKAGES = ("nettailor", "hosting", "registry", "server", "trainer", "cli", "deploy", "benchmarks", "tests")
_NAMED = re.compile(rf'-m[ "\',]+((?:{"|".join(_PACKAGES)})(?:\.\w+)*)')
_SUFFIXES = {".py", ".md", ".yml", ".yaml", ""}

# One process for all of them, which import mostly the same.
_HELP = """
import runpy, sys
for name in sys.argv[1:]:
    sys.argv = [name, "--help"]
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        print("ended", name, end.code or 0)
"""


def _has_main(module: str) -> bool:
    """Whether `python -m` starts something of that name. Its packages are imported, the module is not."""
    try:
        spec = find_spec(module)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = find_spec(f"{module}.__main__")
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None and '__name__ == "__main__"' in Path(spec.origin).read_text()


def _named() -> dict[str, set[str]]:
    """The modules that files of the repository start or tell people to start, each with these files."""
    found: dict[str, set[str]] = {}
    folders = (*_PACKAGES, "docs", ".ci")
    paths = [path for folder in folders for path in ROOT.glob(f"{folder}/**/*")]
    for path in (*paths, *ROOT.glob("*.md"), *ROOT.glob("*.yml"), ROOT / "Makefile"):
        if path.suffix in _SUFFIXES and path.is_file():
            for module in _NAMED.findall(path.read_text()):
                found.setdefault(module, set()).add(str(path.relative_to(ROOT)))
    return found


def test_what_is_named_can_be_started() -> None:
    named = _named()
    assert named.keys() >= {"server", "trainer.worker", "trainer.heartbeat"}  # they are found
    lost = {module: files for module, files in named.items() if not _has_main(module)}
    assert not lost
    assert not [module for module in (*_STARTED, *_WITH_HELP) if not _has_main(module)]


def test_jobs_wait_in_redis_for_a_function_that_is_found() -> None:
    assert TASK == "trainer.tailoring.run"
    assert import_attribute(TASK) is tailoring.run


@pytest.mark.nightly  # imports all of them; by day it is looked whether they are there
def test_programs_say_what_they_are_for() -> None:
    names = [name for name in _WITH_HELP if "ray" not in name or find_spec("ray")]  # an optional extra
    command = [sys.executable, "-c", _HELP, *names]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert ended.returncode == 0, ended.stderr
    assert re.findall(r"^ended (\S+) (\d+)$", ended.stdout, re.MULTILINE) == [(name, "0") for name in names]
