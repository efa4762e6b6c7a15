"""Counted by glibc itself, in a process of its own."""

import os
import subprocess
import sys

import pytest

COUNT = """
import ctypes, sys, threading
from registry.allocator import bound_arenas

libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
libc.malloc.restype = ctypes.c_void_p
libc.malloc_info.argtypes = (ctypes.c_int, ctypes.c_void_p)
libc.fclose.argtypes = (ctypes.c_void_p,)
if "bound" in sys.argv:
    bound_arenas()
threads = 4 * len(__import__("os").sched_getaffinity(0)) + 4
all_there = threading.Barrier(threads)

def take() -> None:
    libc.malloc(ctypes.c_size_t(5000))
    all_there.wait(30)

running = [threading.Thread(target=take) for _ in range(threads)]
[thread.start() for thread in running]
[thread.join() for thread in running]
out = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, out)
libc.fclose(out)
print(open(sys.argv[1]).read().count("<heap nr="))
"""


def arenas(*arguments: str, **environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**{k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}, **environment},
    )
    return int(done.stdout)


def test_threads_share_as_many_arenas_as_there_are_cores(tmp_path: "os.PathLike[str]") -> None:
    out = os.path.join(tmp_path, "malloc.xml")
    if not hasattr(__import__("ctypes").CDLL(None), "mallopt"):
        pytest.skip("the C library is not glibc")
    bound = max(2, os.cpu_count() or 1)
    assert arenas(out) > bound
    assert arenas(out, "bound") <= bound
    assert arenas(out, "bound", MALLOC_ARENA_MAX=str(bound + 1)) == bound + 1
