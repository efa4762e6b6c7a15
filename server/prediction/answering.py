"""How a server takes predictions, and stops taking them (torch-free)."""

from server.errors import NotReady


class Answering:
    """What `hosting.web.draining` needs to know of a server."""

    def __init__(self) -> None:
        self.state = "starting"  # then ready, then draining
        self.under_way = 0  # predictions asked and not answered; only the event loop's thread counts
        self.answered_by = 0.0  # the latest deadline of all that were accepted, on the monotonic clock

    def answering(self) -> "_UnderWay":
        """A context to hold from a prediction's arrival to its answer. Raises `NotReady` when draining."""
        return _UnderWay(self)

    def accept_until(self, deadline: float) -> None:
        """A prediction was accepted that has until then, on the monotonic clock, to be answered."""
        self.answered_by = max(self.answered_by, deadline)

    def drain(self) -> None:
        """Requests that come from now on get 503; those that came before are answered."""
        self.state = "draining"


class _UnderWay:
    """Written out, as every prediction holds one: a generator's takes five times as long."""

    def __init__(self, server: Answering) -> None:
        self._server = server

    def __enter__(self) -> None:
        if self._server.state == "draining":
            raise NotReady(self._server.state)
        self._server.under_way += 1

    def __exit__(self, *_: object) -> None:
        self._server.under_way -= 1
