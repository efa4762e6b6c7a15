"""CPU time and accuracy of whole tailorings, beside an earlier checkout of this repository.

    git clone . /tmp/before && git -C /tmp/before checkout ff9a409
    python -m benchmarks.tailoring_cost --baseline /tmp/before --data SET.zip ... [--presets balanced] [--json]

Both sides tailor the same sets with the same seeds, one after the other in turns, each in a process of its own with
one thread, by the recipe's own entry. CPU time is that of the process and its children from the dataset file on;
intake, which is this checkout's for both, is not in it. `cpu_vs_before` is the whole of this checkout beside the whole
of the earlier one, `tailoring_vs_finetuning` the whole beside its own first stage, which is plain fine-tuning with the
same search for the best teacher. Accuracies are top-1 on the test split.

Rows and checkpoints stay in --out: started again, the benchmark goes on where it was. Commit what is measured first;
other commits need another --out.

Goals, for `balanced` on three sets: `cpu_vs_before` at most 0.5 at no lower mean accuracy; for `balanced` and `fast`:
`tailoring_vs_finetuning` at most 3.
"""

import argparse
import json
import subprocess
from pathlib import Path

from rich.console import Console

from benchmarks.measuring import machine
from benchmarks.tailoring_cost.rows import summary, table
from benchmarks.tailoring_cost.sides import HERE, interleaved, run
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.recipe.config import parsed_change

_PRESETS = ("fast", "balanced", "thorough")


def _commit(checkout: Path) -> str:
    described = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40"]
    return subprocess.run(described, check=True, capture_output=True, text=True).stdout.strip()


def _claim(args: argparse.Namespace, commits: dict[str, str]) -> None:
    """The folder belongs to two commits and one recipe: rows of several must not mix."""
    wanted = {"commits": commits, "recipe": args.recipe, "backbone": args.backbone, "threads": args.threads}
    path = args.out / "run.json"
    if path.exists() and json.loads(path.read_text()) != wanted:
        raise SystemExit(f"{args.out} holds rows of other commits or of another recipe; give another --out")
    args.out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(wanted))


def _dataset(archive: Path, folder: Path) -> Path:
    """The dataset file of an archive."""
    target = folder / f"{archive.stem.lower()}.zip"
    if not target.exists():
        part = target.with_suffix(".part")
        freeze(archive, part, IntakeLimits())
        part.replace(target)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", type=Path, required=True, help="a checkout of the earlier commit")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="zips of class folders, any number")
    parser.add_argument("--presets", nargs="*", choices=_PRESETS, default=["balanced", "fast"], help="on both sides")
    parser.add_argument("--alone", nargs="+", choices=_PRESETS, default=[], help="further ones, by this checkout alone")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--recipe", nargs="*", default=[], metavar="NAME=VALUE", help="differences from the preset, for both sides"
    )
    parser.add_argument("--backbone", default="mini26")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each tailoring")
    parser.add_argument("--out", type=Path, default=Path("runs/tailoring_cost"), help="rows and checkpoints")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    args = parser.parse_args()
    commits = {"before": _commit(args.baseline), "now": _commit(HERE)}
    _claim(args, commits)
    assignments = interleaved(
        [_dataset(archive, args.out) for archive in args.data],
        args.presets,
        args.seeds,
        alone=args.alone,
        checkouts={"before": str(args.baseline.resolve()), "now": str(HERE)},
        recipe=dict(map(parsed_change, args.recipe)),
        backbone=args.backbone,
        threads=args.threads,
        out=str(args.out),
    )
    rows = [run(assignment) for assignment in assignments]
    Console(stderr=args.json, width=140).print(table(rows))
    print(json.dumps(summary(rows) | {"commits": commits, "machine": machine.describe()}))


if __name__ == "__main__":
    main()
