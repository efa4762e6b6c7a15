"""What a method gave on one image set, and on several together."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tailor import Row
from nettailor.bundle.bundle import Bundle, decode, digest_of
from nettailor.bundle.chain import linked

BASELINE = "finetuning"  # whose error is half of the one that scores nothing


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One tailoring: accuracy (0..1) on the test split; `params` and `macs` of the task's whole network, what it shares
    included, as the paper counts them; `minutes` of processor time that its training took."""

    method: str
    task: str
    seed: int
    accuracy: float
    params: int
    macs: int
    task_bytes: int
    minutes: float

    @classmethod
    def of(cls, row: Row, folder: Path) -> "Measured":
        """From the folder, named after the method, that `benchmarks.tailor.run` left."""
        data = bundle_file(folder, row.task, row.seed).read_bytes()
        complexity = decode(data).manifest.complexity
        return cls(
            method=folder.name,
            task=row.task,
            seed=row.seed,
            accuracy=row.student_accuracy,
            params=complexity.params,
            macs=complexity.macs,
            task_bytes=len(data),
            minutes=round(row.cpu_seconds / 60, 3),
        )


def bundles_in(folder: Path) -> list[Bundle]:
    """All that `benchmarks.tailor.run` left there, each with those that it stands on."""
    files = [path.read_bytes() for path in sorted(folder.glob("*/bundle.safetensors"))]
    by_digest = {digest_of(data): data for data in files}
    return [linked(decode(data), by_digest.get) for data in files]


def measured_earlier(files: Iterable[Path], *, preset: str, backbone: str) -> list[Measured]:
    """The rows of earlier runs, of whose output each file holds the line of JSON. Raises `SystemExit` for one of
    another preset or backbone, or a file without such a line."""
    found = []
    for path in files:
        lines = [line for line in path.read_text().splitlines() if line.lstrip().startswith("{")]
        if not lines:
            raise SystemExit(f"{path} holds no line of JSON")
        run = json.loads(lines[-1])
        if (run.get("preset"), run.get("backbone")) != (preset, backbone):
            raise SystemExit(f"{path} holds rows of another preset or backbone, or none")
        found += [Measured(**row) for row in run["rows"]]
    return found


def bundle_file(folder: Path, task: str, seed: int) -> Path:
    """Where `benchmarks.tailor.run` leaves a bundle."""
    return folder / f"{task}-seed{seed}" / "bundle.safetensors"


def by_task(measured: Iterable[Measured]) -> dict[str, float]:
    """The accuracy of each task, in the mean of its seeds."""
    found: dict[str, list[float]] = {}
    for one in measured:
        found.setdefault(one.task, []).append(one.accuracy)
    return {task: statistics.mean(accuracies) for task, accuracies in found.items()}


def decathlon_score(accuracies: Mapping[str, float], baseline: Mapping[str, float]) -> float:
    """The sum over tasks of 1000 (1 - E / (2 E_baseline))^2, nothing for a task with twice the baseline's error or more
    (S.-A. Rebuffi et al., "Learning multiple visual domains with residual adapters", 2017). As a baseline without error
    leaves no scale, a task that it answers without one is scored 250 if the method does so too."""
    return sum(_score(1 - accuracy, 1 - baseline[task]) for task, accuracy in accuracies.items())


def _score(error: float, baseline: float) -> float:
    if baseline <= 0:
        return 250.0 if error <= 0 else 0.0
    return 1000 * max(0.0, 1 - error / (2 * baseline)) ** 2


def summary(measured: Sequence[Measured], baseline: Mapping[str, float] | None) -> dict[str, object]:
    """Means over tasks; the score where all of them have a baseline."""
    accuracies = by_task(measured)
    scored = baseline is not None and accuracies.keys() <= baseline.keys()
    return {
        "mean_accuracy": round(statistics.mean(accuracies.values()), 4),
        "score": round(decathlon_score(accuracies, baseline), 1) if scored and baseline is not None else None,
        "params_m": round(statistics.mean(one.params for one in measured) / 1e6, 4),
        "macs_g": round(statistics.mean(one.macs for one in measured) / 1e9, 5),
        "task_bytes": round(statistics.mean(one.task_bytes for one in measured)),
        "minutes": round(statistics.mean(one.minutes for one in measured), 2),
        "sets": {task: round(accuracy, 4) for task, accuracy in accuracies.items()},
    }
