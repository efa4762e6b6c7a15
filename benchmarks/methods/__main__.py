"""All methods that a tailoring may be of, side by side: the paper's table 3, with our own data, backbone and networks.

    python -m benchmarks.methods --data SET.zip ... [--methods NAME ...] [--preset fast] [--seeds 0] [--resume] [--json]

Every method has the same frozen splits, the same preset's epochs, and at least three learning rates, the best of which
is chosen on the validation split (NetTailor's are its teacher's). Accuracies are top-1 on the test split. Parameters
and MACs are of a task's whole network, what it shares included, as the paper counts them. The decathlon score gives our
fine-tuned networks 250 a set. Tasks of packnet stand on one another, in the order of the sets, on the pruned backbone
of --pruned; without that, the method is left out. Images a second: mixed batches of 64 images of 16 tasks, all of one
method, the sides in turn in every round.

The hours may be split over several runs and machines: every run's line of JSON has its rows, and --rows FILE takes
those of an earlier one as they are. Speeds are of the bundles that this run has. Chains are always trained anew.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import machine
from benchmarks.measuring.ratios import over_rounds
from benchmarks.methods.measured import (
    BASELINE,
    Measured,
    bundle_file,
    bundles_in,
    by_task,
    measured_earlier,
    summary,
)
from benchmarks.methods.speed import images_per_second
from benchmarks.tailor import Assignment, add_run_options, claim, rows_of, wanted_runs
from nettailor.bundle.manifest import Method
from nettailor.network.backbones import load_backbone
from trainer.recipe.config import RATES

METHODS: tuple[Method, ...] = get_args(Method)
CHAINED: Method = "packnet"  # whose tasks stand on one another, in the order of the sets
_TEACHER_RATES = (0.006, 0.02, 0.05)  # NetTailor's other rates are the preset's


def recipe_of(method: Method) -> dict[str, Any]:
    """What a method's recipe has beyond the preset's."""
    if method == "nettailor":
        return {"teacher_lrs": list(_TEACHER_RATES)}
    rates = RATES.get(method)
    return {"method": method} | ({} if rates is None else {"method_lrs": list(rates)})


def assignments(args: argparse.Namespace) -> list[Assignment]:
    """Every method on every set, seed after seed."""
    return [
        Assignment(
            archive=str(path),
            seed=seed,
            preset=args.preset,
            recipe=recipe_of(method),
            backbone=args.backbone,
            folder=str(args.out / method),
            threads=args.threads,
            **(_chained(args, path, seed) if method == CHAINED else {}),
        )
        for path, seed in wanted_runs(args)
        for method in args.methods
    ]


def _chained(args: argparse.Namespace, path: Path, seed: int) -> dict[str, Any]:
    """A task stands on those of the sets before it, of the same seed."""
    runs = wanted_runs(args)
    before = [other for other in args.data[: args.data.index(path)] if (other, seed) in runs]
    files = [bundle_file(args.out / CHAINED, other.stem.lower(), seed) for other in before]
    return {"weights": str(args.pruned), "chain": tuple(map(str, files))}


def trained(args: argparse.Namespace, earlier: Sequence[Measured]) -> dict[str, list[Measured]]:
    """By method; what a run that was broken off had finished is taken as it is, and so are `earlier` runs' rows."""
    known = {(one.method, one.task, one.seed): one for one in earlier if one.method != CHAINED}
    every = assignments(args)
    work = [one for one in every if _key(one) not in known]
    apart = [one for one in work if Path(one.folder).name != CHAINED]
    done = dict(zip(map(_key, apart), rows_of(apart, args.workers), strict=True))
    for path in args.data:  # whatever their order, the sets before it are done
        of_one = [one for one in work if _key(one) not in done and one.archive == str(path)]
        done |= dict(zip(map(_key, of_one), rows_of(of_one, args.workers), strict=True))
    found: dict[str, list[Measured]] = {method: [] for method in args.methods}
    for one in every:
        key = _key(one)
        found[key[0]].append(known[key] if key in known else Measured.of(done[key], Path(one.folder)))
    return found


def _key(assignment: Assignment) -> tuple[str, str, int]:
    return Path(assignment.folder).name, assignment.task, assignment.seed


def result(args: argparse.Namespace, found: Mapping[str, Sequence[Measured]]) -> dict[str, Any]:
    """The JSON line."""
    baseline = by_task(found[BASELINE]) if BASELINE in found else None
    bundles = {method: own for method in found if (own := bundles_in(args.out / method))}
    backbones = [load_backbone(args.backbone)]
    if CHAINED in args.methods:
        backbones.append(load_backbone(args.backbone, args.pruned))
    speeds = images_per_second(backbones, bundles, args.rounds, args.seconds)
    return {
        "methods": {
            method: summary(measured, baseline) | {"images_per_second": _speed(speeds.get(method))}
            for method, measured in found.items()
        },
        "rows": [asdict(one) for measured in found.values() for one in measured],
        "preset": args.preset,
        "backbone": backbones[0].fingerprint(),
        "machine": machine.describe(),
    }


def _speed(rounds: Sequence[float] | None) -> float | None:
    return None if rounds is None else round(over_rounds(rounds).median, 1)


def table(methods: Mapping[str, Mapping[str, Any]]) -> Table:
    tasks = list(next(iter(methods.values()))["sets"])
    columns = [*tasks, "mean", "score", "params M", "MACs G", "KB a task", "images/s", "minutes"]
    shown = Table("method", *columns, title="Accuracy (test split, %) and what it takes")
    for name, figures in methods.items():
        shown.add_row(
            name,
            *(f"{100 * figures['sets'][task]:.1f}" for task in tasks),
            f"{100 * figures['mean_accuracy']:.1f}",
            "" if figures["score"] is None else f"{figures['score']:.0f}",
            f"{figures['params_m']:.2f}",
            f"{figures['macs_g']:.3f}",
            f"{figures['task_bytes'] / 1000:.0f}",
            "" if figures["images_per_second"] is None else f"{figures['images_per_second']:.0f}",
            f"{figures['minutes']:.1f}",
        )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser, out=Path("runs/methods"))
    parser.add_argument("--methods", nargs="+", choices=METHODS, metavar="NAME", help="default: all that can be done")
    parser.add_argument("--pruned", type=Path, metavar="FILE", help="the pruned backbone that packnet fills")
    parser.add_argument("--preset", choices=["fast", "balanced", "thorough"], default="fast")
    parser.add_argument("--rows", type=Path, nargs="*", default=[], metavar="FILE", help="output of earlier runs")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a side in a round")
    args = parser.parse_args()
    args.methods = args.methods or [m for m in METHODS if m != CHAINED or args.pruned is not None]
    if CHAINED in args.methods and args.pruned is None:
        parser.error(f"{CHAINED} needs --pruned, a file of `python -m trainer.pretrain --prune`")
    pruned = {} if args.pruned is None else {"pruned": load_backbone(args.backbone, args.pruned).fingerprint()}
    claim(args, pruned)
    earlier = measured_earlier(args.rows, preset=args.preset, backbone=load_backbone(args.backbone).fingerprint())
    found = result(args, trained(args, earlier))
    Console(file=sys.stderr if args.json else sys.stdout, width=160).print(table(found["methods"]))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
