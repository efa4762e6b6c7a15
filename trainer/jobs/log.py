"""The log of a job: what its job processes print, beside its events, in a bounded Redis stream.

The worker reads it from a pipe, so that the last lines of a job process that dies are kept as well.
"""

import collections
import contextlib
import os
import re
import select
import sys
import threading
from collections.abc import Iterator, Mapping

import redis
from redis.exceptions import RedisError

from hosting.telemetry.redaction import Redactor

KEPT_LINES = 2_000  # a job; older ones go
LINE_CHARACTERS = 1_000  # longer lines are cut
_KEPT_SECONDS = 30 * 24 * 3600  # after the last line
_LINE_BYTES = 8 * LINE_CHARACTERS  # that are looked at
_READ_BYTES = 1 << 16
_TRY_AGAIN_SECONDS = 1.0  # while Redis does not answer
_LINE_END = re.compile(rb"\r\n|\r|\n")
_UNPRINTABLE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def log_key(job: str) -> str:
    return f"nettailor:job:{job}:log"


def clean(text: str) -> str:
    """The text without terminal control, as one line of bounded length."""
    plain = _UNPRINTABLE.sub("", text)
    return plain if len(plain) <= LINE_CHARACTERS else f"{plain[:LINE_CHARACTERS]} ..."


class LogPump:
    """A thread that carries lines from a pipe to a job's log and to our own stderr until the pipe's other end closes.

    It never blocks the job process for longer than Redis takes to answer or to fail; while Redis is away, lines are
    kept up to the bound of the log itself. It closes the pipe.
    """

    def __init__(self, pipe: int, client: "redis.Redis", job: str, redact: Redactor) -> None:
        self._pipe = pipe
        self._redis = client
        self._key = log_key(job)
        self._redact = redact
        self._pending: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)
        self._thread = threading.Thread(target=self._run, name="job-log", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, *, timeout_seconds: float) -> None:
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        rest = b""
        while True:
            readable, _, _ = select.select([self._pipe], [], [], _TRY_AGAIN_SECONDS if self._pending else None)
            data = os.read(self._pipe, _READ_BYTES) if readable else None
            if data:
                _pass_on(data)
                *whole, rest = _LINE_END.split(rest + data)
                rest = rest[:_LINE_BYTES]  # its beginning: the end of a secret alone does not look like one
                self._pending.extend(self._lines(whole))
            elif data == b"":
                self._pending.extend(self._lines([rest]))
            self._write()
            if data == b"":
                os.close(self._pipe)
                return

    def _lines(self, raw: list[bytes]) -> Iterator[str]:
        for line in raw[-KEPT_LINES:]:
            text = clean(self._redact(line[:_LINE_BYTES].decode("utf-8", "replace"), longest=2 * LINE_CHARACTERS))
            if text.strip():
                yield text

    def _write(self) -> None:
        if not self._pending:
            return
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for line in self._pending:
                    pipeline.xadd(self._key, {"line": line}, maxlen=KEPT_LINES, approximate=True)
                pipeline.expire(self._key, _KEPT_SECONDS)
                pipeline.execute()
        except RedisError:
            return  # they are written with the next lines, or in a second
        self._pending.clear()


def _pass_on(data: bytes) -> None:
    """Write to this process's own stderr. It may be closed, but the pipe must be read on, or the job would stop."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()


def parse(entries: list[tuple[bytes, dict[bytes, bytes]]]) -> list[tuple[str, str]]:
    """The pairs (id, line) in an answer of XRANGE or XREAD."""
    return [(key.decode(), fields[b"line"].decode("utf-8", "replace")) for key, fields in entries]


def spawned(
    arguments: list[str], environment: Mapping[str, str], client: "redis.Redis", job: str
) -> tuple[int, LogPump]:
    """Start a process, in a session of its own, whose output goes to a job's log. Its id and the running pump."""
    read_end, write_end = os.pipe()
    try:
        pid = os.posix_spawn(
            arguments[0],
            arguments,
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, write_end, 1), (os.POSIX_SPAWN_DUP2, write_end, 2)],
            setsid=True,  # a Ctrl-C is the worker's to handle, a kill gets all of it, and it can yield to all others
        )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    pump = LogPump(read_end, client, job, Redactor(environment))
    pump.start()
    return pid, pump
