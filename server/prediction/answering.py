"""How a server takes predictions, and stops taking them (torch-free)."""

from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import NotReady


class Answering:
    """What `hosting.web.draining` needs to know of a server."""

    def __init__(self) -> None:
        self.state = "starting"  # then ready, then draining
        self.under_way = 0  # predictions asked and not answered; only the event loop's thread counts
        self.answered_by = 0.0  # the latest deadline of all that were accepted, on the monotonic clock

    @contextmanager
    def answering(self) -> Iterator[None]:
        """A context to hold from a prediction's arrival to its answer. Raises `NotReady` when draining."""
        if self.state == "draining":
            raise NotReady(self.state)
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    def accept_until(self, deadline: float) -> None:
        """A prediction was accepted that has until then, on the monotonic clock, to be answered."""
        self.answered_by = max(self.answered_by, deadline)

    def drain(self) -> None:
        """Requests that come from now on get 503; those that came before are answered."""
        self.state = "draining"
