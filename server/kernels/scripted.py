"""Functions of many small operations, run without Python between them."""

import functools
import threading
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import torch

P = ParamSpec("P")
R = TypeVar("R")

# Lanes come to a function's first call together; neither the compiler nor Python's list of warnings is for two threads.
_COMPILING = threading.Lock()


def scripted(function: Callable[P, R]) -> Callable[P, R]:
    """The function as TorchScript, which holds Python's lock for nothing of it, so that lanes and requests are not in
    each other's way; compiled at its first call. Where PyTorch has no TorchScript any more, the function itself."""

    @functools.cache
    def compiled() -> Callable[P, R]:
        if not hasattr(torch.jit, "script"):
            return function
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # there is nothing else yet that runs without a compiler
            return cast(Callable[P, R], torch.jit.script(function))

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with _COMPILING:
            ready = compiled()
        return ready(*args, **kwargs)

    return run
