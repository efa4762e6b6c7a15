"""How long a tailoring has taken, all its attempts together."""

import json
import logging
import threading
from pathlib import Path
from types import TracebackType

from hosting.processes.awake_time import AwakeTime
from nettailor.durable import write_durably
from trainer.training.distributed import ProcessGroup

logger = logging.getLogger(__name__)

_SAVE_SECONDS = 2.0  # between two saves: at most this much of a killed attempt is not counted


class Elapsed:
    """A context manager that counts the time while it is entered and the machine is awake, and keeps the sum in a
    file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = float(json.loads(path.read_text())["seconds"]) if path.exists() else 0.0
        self._awake = AwakeTime()
        self._stopping = threading.Event()
        self._saver = threading.Thread(target=self._keep_saving, name="elapsed", daemon=True)

    @property
    def seconds(self) -> float:
        return self._before + self._awake.seconds

    def __enter__(self) -> "Elapsed":
        self._awake = AwakeTime()
        self._saver.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._saver.join()
        self._save()

    def _keep_saving(self) -> None:
        while not self._stopping.wait(_SAVE_SECONDS):
            try:
                self._save()
            except OSError as fault:  # a full disk, for one: what is not saved now is saved later
                logger.warning("the time that was used cannot be saved: %s", fault.strerror or fault)

    def _save(self) -> None:
        if ProcessGroup.current().leads:
            write_durably(self._path, [json.dumps({"seconds": round(self.seconds, 3)}).encode()])
