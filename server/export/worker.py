"""Exports on behalf of a server: one at a time, each in a process of its own that is ended when its time is over.

The process is what keeps predictions going: writing and trying a network keeps an interpreter busy for seconds.
"""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hosting.disk.leftovers import size_of
from hosting.disk.reserve import DiskReserve
from registry.journal.records import VersionRecord
from server.errors import (
    BackboneNotHere,
    BundleUnusable,
    BundleWithoutBackbone,
    ExportFailed,
    ExportTooSlow,
    NotReady,
    Overloaded,
)
from server.export.backbone_source import BackboneSource
from server.export.options import ExportOptions
from server.export.outcome import Outcome

logger = logging.getLogger(__name__)

NICENESS = 10  # of an export to predictions
_PREFIX = "export-"
_RETRY_SECONDS = 5
_SPARE_SECONDS = 60  # beyond its time, after which a folder is nobody's any more
_GROWTH = 8  # of a bundle, which lacks the blocks, to the room that its export may take


@dataclass(frozen=True, kw_only=True, eq=False)
class Exported:
    """A verified file; it has no name any more, and is gone when it is closed."""

    file: BinaryIO
    size_bytes: int
    top1_agreement: float


class ExportWorker:
    """Thread-safe."""

    def __init__(self, folder: Path, source: BackboneSource, *, limit_seconds: float, reserve: DiskReserve) -> None:
        self._folder = folder
        self._source = source
        self._limit_seconds = limit_seconds
        self._reserve = reserve
        self._turn = threading.Lock()
        self._starting = threading.Lock()  # between a process that starts and `close`
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def export(
        self, record: VersionRecord, bundle: bytes, options: ExportOptions, *, chain: Sequence[bytes] = ()
    ) -> Exported:
        """Takes seconds. `chain` are the bundles that this one stands on.

        Raises `Overloaded`, `BundleUnusable`, `NotReady`, subclasses of `ExportError`, `InsufficientStorage`;
        `BlobMissing`, `BlobCorrupt` of the weights.
        """
        with self._own_turn():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._reserve.check(_GROWTH * len(bundle))
            with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=self._folder) as folder:
                path = Path(folder) / "network"
                (Path(folder) / "bundle").write_bytes(bundle)
                links = [Path(folder) / f"link-{number}" for number in range(len(chain))]
                for file, link in zip(links, chain, strict=True):
                    file.write_bytes(link)
                command = [*self._command(record, options, Path(folder)), "--stands-on", *map(str, links)]
                outcome = self._run(command)
                if outcome.unusable is not None:
                    raise BundleUnusable(record.task, record.version, outcome.unusable)
                outcome.check()
                return Exported(
                    file=path.open("rb"), size_bytes=path.stat().st_size, top1_agreement=outcome.top1_agreement
                )

    def close(self) -> None:
        """End what runs; what is asked for from now on is refused."""
        with self._starting:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()

    def drop_left(self, now: float) -> int:
        """Delete the folders of servers that were killed; returns how many bytes that freed. `now` is the time
        (Unix)."""
        freed = 0
        for folder in self._folder.glob(f"{_PREFIX}*"):
            if now - folder.stat().st_mtime > self._limit_seconds + _SPARE_SECONDS:
                freed += size_of(folder)
                shutil.rmtree(folder)
        return freed

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if not self._turn.acquire(blocking=False):
            raise Overloaded("the exporter", waiting=1, bound=1, retry_after_seconds=_RETRY_SECONDS, what="exports")
        try:
            yield
        finally:
            self._turn.release()

    def _run(self, command: list[str]) -> Outcome:
        process = self._started(command)
        try:
            answer, log = process.communicate(timeout=self._limit_seconds)
        except subprocess.TimeoutExpired:
            raise ExportTooSlow(self._limit_seconds) from None
        finally:
            with self._starting:
                self._process = None
            process.kill()
            process.communicate()
        if self._is_closed:
            raise NotReady("draining")
        try:
            return Outcome.of_json(answer)
        except (ValueError, TypeError) as failure:
            logger.error("an export ended with %s: %s", process.returncode, log.decode(errors="replace"))
            raise ExportFailed(f"its process ended with {process.returncode}; the log has more") from failure

    def _started(self, command: list[str]) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE
        with self._starting:
            if self._is_closed:
                raise NotReady("draining")
            self._process = subprocess.Popen(
                command, stdout=pipe, stderr=pipe, env=_environment(), start_new_session=True
            )  # so that it can yield to all others
            return self._process

    def _command(self, record: VersionRecord, options: ExportOptions, folder: Path) -> list[str]:
        try:
            backbone = self._source.arguments(record.manifest.backbone, folder)
        except BackboneNotHere as failure:
            raise BundleWithoutBackbone(record.task, record.version, str(failure)) from failure
        return [
            *(sys.executable, "-P", "-m", "server.export", "--version", str(record.version)),
            *("--parent", str(os.getpid()), "--niceness", str(NICENESS)),
            *(*backbone, "--format", options.format, "--dtype", options.dtype),
            *("--bundle", str(folder / "bundle"), "--out", str(folder / "network")),
        ]


def _environment() -> dict[str, str]:
    """One thread, and no GPU: its memory is the predictions'."""
    return os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
