"""In processes of their own: what is frozen stays so."""

import subprocess
import sys

import pytest

IMPORTED = """
import gc, sys
from hosting.processes.garbage import kept_imports

getattr(gc, sys.argv[1])()
with kept_imports():
    inside, kept = gc.isenabled(), [[]]
print(inside, gc.isenabled(), any(each is kept for each in gc.get_objects()))
"""

COLLECTED = """
import gc, weakref
from hosting.processes.garbage import collect_rarely

class Node:
    pass

def cycle():
    node = Node()
    node.itself = node
    return weakref.ref(node)

before, kept = cycle(), Node()
gc.disable()
collect_rarely()
print(before() is None, gc.get_freeze_count() > 1000, any(found is kept for found in gc.get_objects()))
gc.enable()
after, made = cycle(), []
while after() is not None and len(made) < 100_000:
    made.append([])
print(700 < len(made) < 100_000)
"""

SERVED = """
import gc
from hosting.web.process import serve

class Server:
    started = True

    def run(self, sockets):
        print(gc.get_freeze_count() > 1000)

serve(Server())
"""


def _printed(script: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_what_exists_is_passed_over_and_later_garbage_is_found_though_not_at_once() -> None:
    assert _printed(COLLECTED) == ["True", "True", "False", "True"]


def test_a_service_does_so_before_it_answers() -> None:
    assert _printed(SERVED) == ["True"]


@pytest.mark.parametrize(("before", "afterwards"), [("enable", True), ("disable", False)])
def test_it_rests_during_imports_and_never_looks_at_what_they_leave(before: str, afterwards: bool) -> None:
    assert _printed(IMPORTED, before) == ["False", str(afterwards), "False"]
