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

    made: list[Callable[P, R]] = []

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if not made:
            with _COMPILING:
                if not made:
                    made.append(_compiled(function))
        return made[0](*args, **kwargs)

    return run


def _compiled(function: Callable[P, R]) -> Callable[P, R]:
    if not hasattr(torch.jit, "script"):
        return function
    with warnings.catch_warnings():
        # It is deprecated, and what replaces it wants a compiler on the machine.
        warnings.simplefilter("ignore", DeprecationWarning)
        return cast(Callable[P, R], torch.jit.script(function))
