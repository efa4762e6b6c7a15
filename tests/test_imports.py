"""Imports run downwards only, nothing below the top knows the web, and nothing works at import. Tests share helpers and
do not import each other."""

import ast
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *command], cwd=_ROOT, capture_output=True, text=True, check=False)


def test_the_contracts_of_import_linter_hold() -> None:
    result = _run("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")
    assert result.returncode == 0, result.stdout + result.stderr


_WITHOUT_TORCH = (
    "nettailor.bundle.bundle",
    "nettailor.architecture.plan",
    "registry.wiring",
    "registry.http.app",
    "trainer.http.app",
    "cli.main",
)
_IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    assert "torch" not in sys.modules, f"{name} imports torch"
"""


def test_importing_does_not_load_torch() -> None:
    """The command answers `--help` at once, and the registry runs where torch is not installed. One process for all:
    what none of them imports is imported by no one of them."""
    result = _run("-c", _IMPORT, *_WITHOUT_TORCH)
    assert result.returncode == 0, result.stderr


_ANSWER = """
import sys
from nettailor.bundle.bundle import decode, encode
from nettailor.network.backbones import load_backbone
from server.engine.engine import Engine, Part
from server.kernels.device import CpuDevice
from tests.bundles import random_bundle
from tests.server.oracle import random_images

engine = Engine(load_backbone("mini26"), CpuDevice())
adapter = engine.pack(decode(encode(*random_bundle(fingerprint=engine.fingerprint))))
engine.forward(random_images(2, 32), [Part(adapter=adapter, images=range(2))])
print(sorted({"torchvision", "torch._dynamo", "sympy"} & sys.modules.keys()))
"""


def test_answering_needs_neither_torchvision_nor_a_compiler() -> None:
    """They would cost every server more than a second at its start, and 80 MB."""
    result = _run("-c", _ANSWER)
    assert result.stdout == "[]\n", result.stderr


def _imported(path: Path) -> set[str]:
    """Every module a file imports, and every name it imports from one, in full; imports within functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_nobody_imports_a_test_module() -> None:
    """What two of them need is a module of its own, so that each can be moved, renamed and run without the other."""
    tests = sorted(_ROOT.glob("tests/**/*.py"))
    modules = {path: ".".join(path.relative_to(_ROOT).with_suffix("").parts) for path in tests}
    private = {module for path, module in modules.items() if path.name.startswith("test_") or path.stem == "conftest"}
    assert len(private) > 100  # they are found
    borrowed = {
        modules[path]: hits
        for path in tests
        if (hits := {name for name in _imported(path) if name in private or name.rpartition(".")[0] in private})
    }
    assert not borrowed
