"""Load on an HTTP server from h2load, a compiled generator, and what its logs say.

Every task has a generator process of its own, because all clients of one h2load walk through its addresses in step:
with all tasks in one process, whole batches would be of one task. Their requests interleave evenly.
"""

import math
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

_GENERATOR = "h2load"
_OK, _TOO_MANY = 200, 429
_PACE_S = 2.0  # between an open-loop client's requests: longer than an answer takes, shorter than uvicorn's keep-alive
_GRACE_S = 120.0  # for what is still queued when the last request has been sent


class GeneratorMissing(SystemExit):
    """Told as one line."""

    def __init__(self) -> None:
        super().__init__(f"{_GENERATOR} is not on PATH: install Debian's package nghttp2-client")


class Answer(NamedTuple):
    """A row of h2load's log."""

    sent_us: int  # since the epoch
    status: int  # -1 if the connection broke
    took_us: int

    @property
    def ended_us(self) -> int:
        return self.sent_us + self.took_us


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a run's requests."""

    accepted: int
    refused: int  # with 429
    failed: int  # anything else
    sent_rps: float
    accepted_rps: float
    p50_ms: float  # of accepted requests, as are the other latencies
    p99_ms: float


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the requests go: a file posted to an address, one of both a task. `options` are the generator's."""

    addresses: Sequence[str]
    bodies: Sequence[Path]
    options: Sequence[str] = ("--h1", "--header=content-type: image/jpeg")


def check_generator() -> None:
    """Raises `GeneratorMissing`."""
    if shutil.which(_GENERATOR) is None:
        raise GeneratorMissing


def closed_loop(target: Target, *, clients: int, seconds: float) -> Outcome:
    """As many requests as get answers while `clients` connections ask again and again."""
    own = max(1, clients // len(target.addresses))
    options = [f"--clients={own}", f"--duration={round(1000 * seconds)}ms"]
    return summary(_run(target, options, stagger_s=0.0, limit_s=seconds))


def open_loop(target: Target, *, rps: float, seconds: float) -> Outcome:
    """`rps` requests a second, evenly spaced, whether answers come or not.

    A connection of HTTP/1.1 carries one request at a time, so there are enough of them to have each ask only every
    `_PACE_S`; their first requests are staggered. Where an answer takes longer than that, the connection's next request
    goes late, and `sent_rps` shows it.
    """
    own = rps / len(target.addresses)
    requests = max(1, round(own * seconds))
    clients = min(requests, math.ceil(own * _PACE_S))
    options = [
        f"--clients={clients}",
        f"--requests={requests}",
        "--rate=1",
        f"--rate-period={max(1, round(1000 / own))}ms",
        f"--rps={own / clients:.6f}",
    ]
    return summary(_run(target, options, stagger_s=1 / rps, limit_s=seconds))


def parse_log(text: str) -> list[Answer]:
    """Rows of `--log-file`: start in microseconds since the epoch, status, microseconds; columns may be added later."""
    return [Answer(*map(int, line.split("\t")[:3])) for line in text.splitlines() if line]


def summary(answers: Sequence[Answer]) -> Outcome:
    by_status = Counter(answer.status for answer in answers)
    accepted = [answer for answer in answers if answer.status == _OK]
    took_ms = [answer.took_us / 1000 for answer in accepted]
    return Outcome(
        accepted=by_status[_OK],
        refused=by_status[_TOO_MANY],
        failed=len(answers) - by_status[_OK] - by_status[_TOO_MANY],
        sent_rps=rate([answer.sent_us for answer in answers]),
        accepted_rps=rate([answer.ended_us for answer in accepted]),
        p50_ms=percentile(took_ms, 50),
        p99_ms=percentile(took_ms, 99),
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that `percent` of all do not exceed (nearest rank); not a number if there are none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def rate(times_us: Sequence[int]) -> float:
    """Events a second: the slope of the least-squares line through their running count.

    Unlike a count over a time span it does not depend on where a span begins among answers that come in batches.
    """
    if len(set(times_us)) < 2:
        return 0.0
    seconds = (np.sort(np.asarray(times_us)) - min(times_us)) / 1e6
    return float(np.polyfit(seconds, np.arange(len(seconds)), 1)[0])


def _run(target: Target, options: Sequence[str], *, stagger_s: float, limit_s: float) -> list[Answer]:
    with tempfile.TemporaryDirectory() as name:
        logs = [Path(name) / f"{index}.tsv" for index in range(len(target.addresses))]
        began = time.monotonic()
        running = []
        for index, (address, body, log) in enumerate(zip(target.addresses, target.bodies, logs, strict=True)):
            time.sleep(max(0.0, began + index * stagger_s - time.monotonic()))  # so that their requests interleave
            command = [_GENERATOR, *target.options, *options, f"--data={body}", f"--log-file={log}", address]
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        for process in running:
            _finish(process, limit_s + _GRACE_S)
        return [answer for log in logs for answer in parse_log(log.read_text())]


def _finish(process: "subprocess.Popen[bytes]", limit_s: float) -> None:
    try:
        if process.wait(limit_s):
            raise subprocess.CalledProcessError(process.returncode, process.args)
    finally:
        process.kill()
