"""Counted by glibc itself, in a process of its own."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc, and all of this does nothing"
)

COUNT = """
import ctypes, os, sys, threading
from hosting.processes.malloc import bound_arenas

libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes, libc.fclose.argtypes = (ctypes.c_int, ctypes.c_void_p), (ctypes.c_void_p,)
bound_arenas()
threads = os.cpu_count() + 4
all_there = threading.Barrier(threads)

def take():
    libc.malloc(ctypes.c_size_t(5000))
    all_there.wait(30)

running = [threading.Thread(target=take) for _ in range(threads)]
[thread.start() for thread in running]
[thread.join() for thread in running]
out = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, out)
libc.fclose(out)
"""

# Many small pieces, of which the last one holds what lies below it in the heap.
KEPT = """
import ctypes
from hosting.processes.malloc import give_back

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
resident = lambda: int(open("/proc/self/statm").read().split()[1]) << 2
before = resident()
pieces = [libc.malloc(ctypes.c_size_t(100_000)) for _ in range(400)]
[ctypes.memset(piece, 1, 100_000) for piece in pieces]
[libc.free(piece) for piece in pieces[:-1]]
kept = resident() - before
give_back()
print(kept, resident() - before)
"""

# A tensor of a few megabytes, again and again: the pages that the system had to give for it.
AGAIN = """
import ctypes, resource, sys
from hosting.processes.malloc import keep_freed

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
if sys.argv[1] == "kept":
    keep_freed()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    pieces = [libc.malloc(ctypes.c_size_t(3_000_000)) for _ in range(10)]
    [ctypes.memset(piece, 1, 3_000_000) for piece in pieces]
    [libc.free(piece) for piece in pieces]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def arenas(report: Path, **said: str) -> int:
    """How many a process has that more threads than cores allocate in."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    subprocess.run([sys.executable, "-c", COUNT, str(report)], check=True, env={**environment, **said})
    return report.read_text().count("<heap nr=")


def test_threads_share_as_many_arenas_as_there_are_cores(tmp_path: Path) -> None:
    bound = max(2, os.cpu_count() or 1)
    assert arenas(tmp_path / "report") <= bound
    # What the environment says holds; and more would be made than that bound.
    assert arenas(tmp_path / "report", MALLOC_ARENA_MAX=str(bound + 1)) == bound + 1


def test_what_is_not_used_goes_back_to_the_system() -> None:
    answer = subprocess.run([sys.executable, "-c", KEPT], check=True, capture_output=True, text=True)
    kept_kib, left_kib = map(int, answer.stdout.split())
    assert kept_kib > 30_000
    assert left_kib < 10_000


def test_what_was_freed_is_there_for_what_comes_next() -> None:
    plainly, kept, said = (faults(*how) for how in (("plainly", {}), ("kept", {}), ("kept", {"MALLOC_TOP_PAD_": "0"})))
    assert kept < 2 * 10 * 3_000_000 / 4096 < plainly
    assert said > kept  # what the environment says holds


def faults(how: str, environment: dict[str, str]) -> int:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", AGAIN, how]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env={**plain, **environment})
    return int(answer.stdout)
