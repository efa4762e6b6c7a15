"""Exported networks: are their answers the engine's, how large and how fast are they beside the whole network's?

    python -m benchmarks.export [--runs runs/tailor | --sides 72 224 --tasks 3] [--threads 1 2] [--rounds 9]
                                [--seconds 0.25] [--json]

Without `--runs`: ResNet-34 with random weights and tasks whose plans remove 3, 7 or 9 of its 16 blocks and carry 1.8 to
1.9 M parameters of their own, with per-task statistics. `--runs` is what `benchmarks.tailor --out` left: a folder a
tailoring, with its data set and its bundle; the tables of figures are of those networks then.

All are fp32, one image at a time, in ONNX Runtime and OpenVINO. The whole network, a classifier of as many classes
behind every block, is exported by the same code, and timed in the same rounds. `top1_agreement` is with the engine, of
64 made images and, with `--runs`, of up to 500 of the test split. MACs gone are net of what the task adds. An interval
is of the median over rounds, with 95% confidence. The goal is about tasks with at least 40% of the MACs gone.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.export.sides import FP32, Exported, exported, runner
from benchmarks.export.subjects import Group, groups_of_runs, random_groups
from benchmarks.measuring import machine
from benchmarks.measuring.ratios import Ratio, paired_ratio
from benchmarks.measuring.rounds import paired_rounds, rate

_GOAL_MACS_GONE, _GOAL_SPEED = 0.4, 1.3

Row = dict[str, Any]


def measured(args: argparse.Namespace, group: Group, runtime: str) -> Iterator[list[Row]]:
    """One row a task, for each number of threads; the files are made once."""
    with tempfile.TemporaryDirectory() as folder:
        tasks = exported(group, FP32[runtime], Path(folder))
        for threads in args.threads:
            values = paired_rounds(_sides(args, tasks, group.side, runtime, threads), args.rounds)
            speeds = [paired_ratio(values[task.path], values[task.whole]) for task in tasks]
            yield [_row(group, runtime, threads, *pair) for pair in zip(tasks, speeds, strict=True)]


def _sides(
    args: argparse.Namespace, tasks: Sequence[Exported], side: int, runtime: str, threads: int
) -> dict[Path, Callable[[], float]]:
    """Images a second of every file."""
    image = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
    files = dict.fromkeys(path for task in tasks for path in (task.whole, task.path))
    runs = {path: partial(runner(runtime, path, threads), image) for path in files}
    return {path: partial(rate, run, 1, args.seconds) for path, run in runs.items()}


def _row(group: Group, runtime: str, threads: int, task: Exported, speed: Ratio) -> Row:
    return {
        "runtime": runtime,
        "backbone": group.backbone.name,
        "side": group.side,
        "threads": threads,
        "task": task.name,
        "macs_gone": round(task.macs_gone, 4),
        "top1_agreement": round(task.top1_agreement, 5),
        "bytes_vs_full_model": round(task.bytes_vs_whole, 4),
        "speed_vs_full_model": round(speed.median, 4),
        "interval": [round(speed.low, 4), round(speed.high, 4)],
    }


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """The worst of all rows. `speed_vs_full_model` is of those that the goal is about; None where there are none."""
    fast = [row["speed_vs_full_model"] for row in rows if row["macs_gone"] >= _GOAL_MACS_GONE]
    return {
        "top1_agreement": min(row["top1_agreement"] for row in rows),
        "bytes_vs_full_model": max(row["bytes_vs_full_model"] for row in rows),
        "speed_vs_full_model": min(fast, default=None),
        "rows": list(rows),
    }


def _verdict(row: Row) -> str:
    if row["macs_gone"] < _GOAL_MACS_GONE:
        return ""
    return f"goal >= {_GOAL_SPEED:g}: {'met' if row['speed_vs_full_model'] >= _GOAL_SPEED else 'MISSED'}"


def _table(rows: Sequence[Row]) -> Table:
    title = "{runtime}, {backbone}, {side} px, one image at a time, {threads} threads".format(**rows[0])
    table = Table("task", "MACs gone", "top-1 agreement", "bytes", "speed", "", title=title)
    for row in rows:
        speed = "{:.2f} ({:.2f} to {:.2f})".format(row["speed_vs_full_model"], *row["interval"])
        shares = (f"{row[key]:.3f}" for key in ("macs_gone", "top1_agreement", "bytes_vs_full_model"))
        table.add_row(row["task"], *shares, speed, _verdict(row))
    return table


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, help="the folder that benchmarks.tailor wrote to")
    parser.add_argument("--sides", type=int, nargs="+", default=[72, 224], help="pixels of the square images")
    parser.add_argument("--tasks", type=int, default=3, help="a third of them each has 3, 7 and 9 blocks removed")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="CPU threads of every side")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.25, help="of every side in a round, at least")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the tables on stderr")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    args = _parsed(arguments)
    torch.set_num_threads(max(args.threads))  # of what exports and verifies; the runtimes have their own
    groups = random_groups(args.sides, args.tasks) if args.runs is None else groups_of_runs(args.runs)
    console, rows = Console(stderr=args.json, width=110), list[Row]()
    for group in groups:
        for runtime in FP32:
            for found in measured(args, group, runtime):
                console.print(_table(found))
                rows += found
    print(json.dumps(summary(rows) | {"machine": machine.describe(), "rounds": args.rounds}), file=sys.stdout)


if __name__ == "__main__":
    main()
