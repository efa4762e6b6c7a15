"""Exported networks: are their answers the engine's, how large and how fast are they beside the whole network's?

    python -m benchmarks.export [--sides 72 224] [--tasks 3] [--rounds 15] [--seconds 0.5] [--threads 1] [--json]

ResNet-34 with random weights and tasks whose plans remove 3, 7 or 9 of its 16 blocks and carry 1.8 to 1.9 M parameters
of their own, with per-task statistics; fp32, one image at a time, in ONNX Runtime and OpenVINO. The whole network, a
classifier of ten classes behind every block, is exported by the same code, and timed in the same rounds.
`top1_agreement` is of 64 images with the engine. An interval is of the median over rounds, with 95% confidence.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.export.sides import FP32, Tailored, exported, runner, whole_network
from benchmarks.measuring import machine
from benchmarks.measuring.ratios import Ratio, paired_ratio
from benchmarks.measuring.rounds import paired_rounds, rate
from benchmarks.workloads.resnet34 import random_resnet34, tailored_bundles
from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import Backbone

_GOAL_MACS_GONE, _GOAL_SPEED = 0.4, 1.3
_WHOLE = "whole"


def measured(
    args: argparse.Namespace, backbone: Backbone, bundles: Sequence[Bundle], runtime: str, folder: Path
) -> list[dict[str, Any]]:
    """One row a task, of one runtime and image side."""
    options = FP32[runtime]
    whole = whole_network(backbone, bundles[0], options, folder)
    tasks = exported(bundles, backbone, options, folder)
    files = {_WHOLE: whole} | {task.task: task.path for task in tasks}
    side = bundles[0].manifest.preprocessing.crop
    image = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
    runs = {name: partial(runner(runtime, path, args.threads), image) for name, path in files.items()}
    values = paired_rounds({name: _rate(run, args.seconds) for name, run in runs.items()}, args.rounds)
    return [_row(task, whole, paired_ratio(values[task.task], values[_WHOLE])) for task in tasks]


def _rate(run: Callable[[], object], seconds: float) -> Callable[[], float]:
    return lambda: rate(run, 1, seconds)


def _row(task: Tailored, whole: Path, speed: Ratio) -> dict[str, Any]:
    median, low, high, _ = (round(float(part), 4) for part in astuple(speed))
    return {
        "task": task.task,
        "macs_gone": round(1 - task.macs_share, 4),
        "top1_agreement": task.top1_agreement,
        "bytes_vs_full_model": round(task.path.stat().st_size / whole.stat().st_size, 4),
        "speed_vs_full_model": median,
        "interval": [low, high],
    }


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`speed_vs_full_model` is the slowest of the tasks that the goal is about; None where there are none."""
    fast = [row["speed_vs_full_model"] for row in rows if row["macs_gone"] >= _GOAL_MACS_GONE]
    return {
        "top1_agreement": min(row["top1_agreement"] for row in rows),
        "bytes_vs_full_model": max(row["bytes_vs_full_model"] for row in rows),
        "speed_vs_full_model": min(fast, default=None),
        "tasks": list(rows),
    }


def _verdict(row: dict[str, Any]) -> str:
    if row["macs_gone"] < _GOAL_MACS_GONE:
        return ""
    return f"goal >= {_GOAL_SPEED:g}: {'met' if row['speed_vs_full_model'] >= _GOAL_SPEED else 'MISSED'}"


def _table(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("task", "MACs gone", "top-1 agreement", "bytes", "speed", "", title=title)
    for row in rows:
        speed = "{:.2f} ({:.2f} to {:.2f})".format(row["speed_vs_full_model"], *row["interval"])
        shares = (f"{row[key]:.3f}" for key in ("macs_gone", "top1_agreement", "bytes_vs_full_model"))
        table.add_row(row["task"], *shares, speed, _verdict(row))
    return table


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[72, 224], help="pixels of the square images")
    parser.add_argument("--tasks", type=int, default=3, help="a third of them each has 3, 7 and 9 blocks removed")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.5, help="of every side in a round, at least")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of every side")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the tables on stderr")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    args = _parsed(arguments)
    torch.set_num_threads(args.threads)
    backbone = random_resnet34()
    console, result = Console(stderr=args.json, width=110), dict[str, Any]()
    for side in args.sides:
        bundles = tailored_bundles(args.tasks, side, fingerprint=backbone.fingerprint())
        for runtime in FP32:
            with tempfile.TemporaryDirectory() as folder:
                rows = measured(args, backbone, bundles, runtime, Path(folder))
            console.print(_table(f"{runtime}, {side} px, batches of 1, {args.threads} threads", rows))
            result.setdefault(runtime, {})[str(side)] = _summary(rows)
    print(json.dumps(result | {"machine": machine.describe(), "rounds": args.rounds}), file=sys.stdout)


if __name__ == "__main__":
    main()
