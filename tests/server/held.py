"""Functions that wait to be let go."""

import threading
from typing import Any


class Held:
    """A function that waits to be let go where `holds` says so."""

    def __init__(self, function: Any, holds: Any) -> None:
        self._function, self._holds = function, holds
        self.began, self.go = threading.Event(), threading.Event()

    def __call__(self, argument: Any, **options: Any) -> Any:
        if self._holds(argument):
            self.began.set()
            assert self.go.wait(30)
        return self._function(argument, **options)
