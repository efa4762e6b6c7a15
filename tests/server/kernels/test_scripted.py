import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from server.kernels.scripted import scripted

THREADS = 2


def doubled(x: Tensor) -> Tensor:
    return x + x


def test_it_computes_the_same() -> None:
    x = torch.arange(3.0)
    torch.testing.assert_close(scripted(doubled)(x), doubled(x))


def test_threads_that_come_to_the_first_call_together_compile_once(monkeypatch: pytest.MonkeyPatch) -> None:
    both, compiled = threading.Barrier(THREADS), []

    def script(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        compiled.append(function)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.2)  # for the other thread, which must not come here
        return function

    monkeypatch.setattr(torch.jit, "script", script)
    run = scripted(doubled)
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(run, [torch.ones(1)] * THREADS))
    assert [answer.item() for answer in answers] == [2, 2]
    assert compiled == [doubled]


def test_where_there_is_no_torchscript_any_more_it_is_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.jit, "script")
    assert scripted(doubled)(torch.ones(1)).item() == 2
