"""In processes of their own: what is frozen stays so."""

import subprocess
import sys

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


def _printed(script: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()


def test_what_exists_is_passed_over_and_later_garbage_is_found_though_not_at_once() -> None:
    assert _printed(COLLECTED) == ["True", "True", "False", "True"]


def test_a_service_does_so_before_it_answers() -> None:
    assert _printed(SERVED) == ["True"]
