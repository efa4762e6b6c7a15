"""Ray is an extra: everything else, and what needs no Ray of `deploy.ray`, is imported without it."""

import subprocess
import sys

import pytest

_WITHOUT_RAY = "import sys; sys.modules['ray'] = None; import {module}; sys.exit({loaded!r} in sys.modules)"


@pytest.mark.parametrize(
    ("module", "loaded"),
    [
        ("server.app", "ray.serve"),
        ("cli.main", "ray.serve"),
        ("trainer.http.app", "ray.serve"),
        ("deploy.ray.forward", "torch"),  # an ingress is a small process
    ],
)
def test_it_is_imported_without_ray(module: str, loaded: str) -> None:
    code = _WITHOUT_RAY.format(module=module, loaded=loaded)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
