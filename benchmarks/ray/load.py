"""Predictions asked of the application on Ray by several threads at once, and what became of each."""

import contextlib
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import httpx
import numpy as np
from PIL import Image

from benchmarks.workloads.mini26 import SIDE

_TIMEOUT_S = 120.0  # beyond the server's own, so that a request that hangs there is seen as its 504


@dataclass(frozen=True, kw_only=True)
class Asked:
    task: str
    status: int  # 0: no answer
    replica: str = ""
    tier: str = ""  # where the task's bundle was
    attempts: int = 1


def random_image(seed: int = 0) -> bytes:
    """A PNG of the mini backbone's size."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=_TIMEOUT_S, headers={"content-type": "image/png"})


def ask(asking: httpx.Client, task: str, image: bytes) -> Asked:
    try:
        response = asking.post(f"/tasks/{task}/predict", content=image)
    except httpx.TransportError:
        return Asked(task=task, status=0)
    return Asked(
        task=task,
        status=response.status_code,
        replica=response.headers.get("x-replica", ""),
        tier=response.json()["tier"] if response.status_code == 200 else "",
        attempts=int(response.headers.get("x-attempts", 1)),
    )


def ask_all(url: str, tasks: Sequence[str], *, threads: int) -> list[Asked]:
    """Each once, `threads` at a time; in the order of their answers."""
    waiting = iter(tasks)
    with load(url, lambda: next(waiting, None), threads=threads) as (asked, done):
        done()
    return asked


@contextlib.contextmanager
def load(
    url: str, next_task: Callable[[], str | None], *, threads: int
) -> Iterator[tuple[list[Asked], Callable[[], None]]]:
    """Ask for what `next_task` says, under a lock, until it says None or this ends.

    Yields the list that grows meanwhile, and a function that waits until `next_task` has said None.
    """
    asked: list[Asked] = []
    lock, image, ending = threading.Lock(), random_image(), threading.Event()

    def work() -> None:
        with client(url) as asking:
            while not ending.is_set():
                with lock:
                    task = next_task()
                if task is None:
                    return
                asked.append(ask(asking, task, image))  # one step for the interpreter: no lock

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()

    def done() -> None:
        for worker in workers:
            worker.join()

    try:
        yield asked, done
    finally:
        ending.set()
        done()
