"""The two sides: this checkout and an earlier one, each tailoring in a process of its own."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.tailoring_cost.rows import SIDES, Row, Side
from benchmarks.training.progress import say

_SCRIPT = Path(__file__).with_name("one_tailoring.py")
_NOW: Side = "now"
HERE = Path(__file__).parents[2]


class TailoringFailed(SystemExit):
    """What it printed stands above."""

    def __init__(self, assignment: "Assignment") -> None:
        super().__init__(f"the tailoring in {assignment.folder} failed")


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One tailoring to do; plain data, so that it can be sent to a process of either checkout."""

    side: Side
    checkout: str
    dataset: str  # a dataset file: both sides get the same splits
    preset: str
    seed: int
    recipe: Mapping[str, Any]  # what differs from the preset, on both sides
    backbone: str
    threads: int
    out: str

    @property
    def task(self) -> str:
        return Path(self.dataset).stem

    @property
    def folder(self) -> Path:
        return Path(self.out) / f"{self.task}-{self.preset}-seed{self.seed}-{self.side}"


def interleaved(
    datasets: Sequence[Path],
    presets: Sequence[str],
    seeds: Sequence[int],
    *,
    alone: Sequence[str] = (),
    **common: Any,
) -> Iterator[Assignment]:
    """Both sides of every tailoring in a row, in an order that rotates, so that what drifts hits both alike; of presets
    that are measured `alone`, this checkout's. `common` is the rest of an assignment; `checkouts` in it has a path for
    each side."""
    checkouts = common.pop("checkouts")
    every = dict.fromkeys([*presets, *alone])
    combinations = [(dataset, preset, seed) for seed in seeds for dataset in datasets for preset in every]
    order = itertools.cycle((SIDES, SIDES[::-1]))
    for dataset, preset, seed in combinations:
        for side in next(order) if preset in presets else (_NOW,):
            yield Assignment(
                side=side, checkout=checkouts[side], dataset=str(dataset.resolve()), preset=preset, seed=seed, **common
            )


def run(assignment: Assignment) -> Row:
    """The tailoring's row. It is kept in the folder, and a broken-off tailoring goes on from its checkpoints.

    Raises `TailoringFailed`.
    """
    result = assignment.folder / "row.json"
    if not result.exists():
        say(f"{assignment.folder.name} begins")
        assignment.folder.mkdir(parents=True, exist_ok=True)
        _start(assignment)
        shutil.rmtree(assignment.folder / "checkpoints")
    row = Row(
        side=assignment.side,
        task=assignment.task,
        preset=assignment.preset,
        seed=assignment.seed,
        **json.loads(result.read_text()),
    )
    say(f"{assignment.folder.name}: {row.cpu_seconds:.0f} s of CPU, test {100 * row.test_accuracy:.1f}%")
    return row


def _start(assignment: Assignment) -> None:
    told = json.dumps({**asdict(assignment), "folder": str(assignment.folder.resolve())})
    environment = {"PYTHONPATH": assignment.checkout, "OMP_NUM_THREADS": str(assignment.threads)}
    command = [sys.executable, "-P", str(_SCRIPT), told]
    with subprocess.Popen(command, env=os.environ | environment, stdin=subprocess.PIPE, stdout=sys.stderr) as process:
        try:
            ended = process.wait()
        finally:
            process.kill()  # where the wait was broken off
    if ended != 0:
        raise TailoringFailed(assignment)
