"""What the collector does while much is imported, in a process of its own: others would keep what it leaves alone."""

import subprocess
import sys

import pytest

PROGRAM = """
import gc, sys
from hosting.processes.imports import kept_imports

getattr(gc, sys.argv[1])()
with kept_imports():
    inside, kept = gc.isenabled(), [[]]
print(inside, gc.isenabled(), any(each is kept for each in gc.get_objects()))
"""


@pytest.mark.parametrize(("before", "afterwards"), [("enable", True), ("disable", False)])
def test_it_rests_and_never_looks_at_what_is_kept(before: str, afterwards: bool) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, before], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", str(afterwards), "False"]
