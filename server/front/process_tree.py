"""Fronts and their engine as processes: started, kept alive, and stopped in order (torch-free)."""

import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hosting.access.rates.shared_buckets import new_buckets
from hosting.processes.supervisor import Supervisor
from hosting.web.connection.shared_addresses import new_addresses
from server.errors import EngineCannotStart
from server.front.places import Places

_KILLED_AFTER_S = 5.0  # of a process that was not to be waited for any more


class ProcessTree:
    """`engine` is the command of its process, to which `engine_side.engine_arguments` are added."""

    def __init__(
        self,
        places: Places,
        listener: socket.socket,
        buckets: int,
        addresses: int,
        *,
        engine: Sequence[str],
        fronts: int,
        service: str,
        grace_s: int,
        environment: Mapping[str, str],
    ) -> None:
        self._places = places
        self._listener = listener
        self._failure: str | None = None
        self._is_over = threading.Event()
        shared = ["--folder", str(places.folder), "--buckets", str(buckets)]
        self._engine = Supervisor(
            [*engine, *shared], name="engine", environment=environment, files=[buckets], ended=self._engine_ended
        )
        own = ["--fronts", str(fronts), "--listener", str(listener.fileno()), "--service", service]
        own += ["--addresses", str(addresses)]
        command = [sys.executable, "-m", "server.front", *shared, *own, "--grace", str(grace_s)]
        self._fronts = [
            Supervisor(
                [*command, "--number", str(number)],
                name=f"front {number}",
                environment=environment,
                files=[listener.fileno(), buckets, addresses],
            )
            for number in range(1, fronts + 1)
        ]

    @property
    def was_up(self) -> bool:
        """Whether the engine has been ready once."""
        return self._places.link.exists()

    def start(self) -> None:
        for process in (self._engine, *self._fronts):
            process.start()

    def wait(self) -> None:
        """Until the caller is interrupted. Raises `EngineCannotStart` if the engine ends before it was ready once;
        later it is started again."""
        self._is_over.wait()
        assert self._failure is not None
        raise EngineCannotStart(self._failure)

    def stop(self) -> None:
        """Fronts answer what they have accepted, then the engine ends. An interrupt meanwhile ends all at once."""
        self._engine.start_no_more()  # where all processes are told to stop at once, it may end before the fronts
        try:
            for front in self._fronts:
                front.ask_to_end()
            for front in self._fronts:
                front.wait()
            self._listener.close()  # or whoever connects now would wait until the engine, and all else, has ended
            self._engine.ask_to_end()
            self._engine.wait()
        finally:
            for process in (*self._fronts, self._engine):
                process.stop(grace_seconds=_KILLED_AFTER_S)

    def _engine_ended(self, end: str) -> None:
        if not self.was_up:
            self._failure = end
            self._is_over.set()


@contextmanager
def process_tree(
    listener: socket.socket,
    *,
    engine: Sequence[str],
    fronts: int,
    service: str,
    grace_s: int,
    environment: Mapping[str, str],
) -> Iterator[ProcessTree]:
    """Started; stopped at the end, and the listener closed."""
    listener.listen()  # so that connections wait, also while no front is there
    buckets, addresses = new_buckets(), new_addresses(fronts)
    with tempfile.TemporaryDirectory(prefix="nettailor-") as folder:
        tree = ProcessTree(
            Places(folder=Path(folder)),
            listener,
            buckets,
            addresses,
            engine=engine,
            fronts=fronts,
            service=service,
            grace_s=grace_s,
            environment=environment,
        )
        tree.start()
        try:
            yield tree
        finally:
            tree.stop()
            os.close(buckets)
            os.close(addresses)
