"""Ray is an extra: everything else, and what needs no Ray of `deploy.ray`, is imported without it."""

import subprocess
import sys

_WITHOUT_RAY = """
import importlib, sys
sys.modules["ray"] = None
importlib.import_module("deploy.ray.forward")
assert "torch" not in sys.modules, "an ingress is a small process"
for name in ("cli.main", "trainer.http.app", "server.app"):
    importlib.import_module(name)
assert "ray.serve" not in sys.modules
"""


def test_all_else_is_imported_without_ray() -> None:
    result = subprocess.run([sys.executable, "-c", _WITHOUT_RAY], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
