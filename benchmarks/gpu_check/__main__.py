"""What only a machine with a GPU can tell: its tests, then how fast tasks are beside full models, as one line of JSON.

    python -m benchmarks.gpu_check [--device cuda|cpu] [--tasks 64 512] [--sides 72 224] [--minutes 8]

ResNet-34 with random weights in bf16, tasks as in `benchmarks.engine` (several of them have the same numbers, in memory
of their own), batches of 64 images of 64 tasks and of one image. All sides of a comparison are measured in the same
rounds. It needs torch, torchvision, numpy, safetensors, pydantic, pillow and pytest; TensorRT takes part where
torch_tensorrt is installed. What there is no time for is left out and named. On a CPU it is a rehearsal: small figures
of the same kind, of which none says anything about a GPU.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from benchmarks.gpu_check import gpu_tests
from benchmarks.gpu_check.deadline import Deadline
from benchmarks.gpu_check.full_models import full_models
from benchmarks.gpu_check.switches import switches
from benchmarks.gpu_check.variants import Variant, contenders, packed, variants
from benchmarks.measuring import machine
from benchmarks.measuring.ratios import over_rounds, paired_ratio
from benchmarks.measuring.rounds import Values, paired_rounds, rate
from benchmarks.workloads.resnet34 import random_resnet34

_RESERVE_S = 30.0  # for what comes at the end


def speeds(args: argparse.Namespace, ours: Sequence[Variant], side: int, deadline: Deadline) -> dict[str, Any]:
    """Images a second of every side, and what each is of the first."""
    found, tasks = {}, len(ours[0].ready)
    place = ours[0].engine.device.place
    others = full_models(place, side, tasks, deadline, compiled=tasks == args.tasks[0])
    for batch in args.batches:
        if deadline.is_near(f"{side} px, batches of {batch}", _RESERVE_S + args.rounds * args.seconds * 10):
            continue
        sides = [*contenders(ours, side, batch), *others]
        runs = {one.name: partial(rate, one.run, one.images, args.seconds) for one in sides}
        found[f"batch {batch}"] = _summary(paired_rounds(runs, args.rounds))
    return found


def _summary(values: Values) -> dict[str, Any]:
    first = next(iter(values))
    return {
        "images_per_second": {name: round(over_rounds(rates).median, 1) for name, rates in values.items()},
        f"vs {first}": {
            name: round(paired_ratio(rates, values[first]).median, 3) for name, rates in values.items() if name != first
        },
    }


def measured(args: argparse.Namespace, deadline: Deadline) -> dict[str, Any]:
    """All figures, by number of tasks and pixels."""
    backbone, found = random_resnet34(), dict[str, Any]()
    for tasks in args.tasks:
        if deadline.is_near(f"{tasks} tasks", _RESERVE_S + 20):
            continue
        ours = [packed(kind, backbone, tasks) for kind in variants(args.device, tasks)]
        for side in args.sides:
            found[f"{tasks} tasks, {side} px"] = speeds(args, ours, side, deadline)
        found[f"{tasks} tasks, switches"] = {one.name: switches(one, min(args.sides), args.rounds) for one in ours}
    return found


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--tasks", type=int, nargs="+", default=[64, 512])
    parser.add_argument("--sides", type=int, nargs="+", default=[72, 224], help="pixels of the square images")
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 1], help="images in one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of every side in a round, at least")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which nothing more is begun")
    parser.add_argument("--no-tests", action="store_true", help="measure only")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    args, started_at = _parsed(arguments), time.monotonic()
    if args.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no CUDA device; --device cpu is a rehearsal")
    deadline = Deadline(60 * args.minutes)
    result: dict[str, Any] = {"device": args.device, "machine": machine.describe()}
    if not args.no_tests:
        result["tests"] = gpu_tests.run(timeout_s=0.4 * deadline.left_s)
    result |= measured(args, deadline)
    result |= {"left_out": deadline.left_out, "seconds": round(time.monotonic() - started_at)}
    print(json.dumps(result, indent=2), file=sys.stderr)
    print(json.dumps(result))
    if not args.no_tests and result["tests"]["status"] != 0:
        sys.exit(1)


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    main()
