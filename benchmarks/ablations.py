"""The paper's studies of its own parts: the teacher, and how far back the proxies reach (figure 6, table 1); and the
forms of the teacher's term (eq. 11).

    python -m benchmarks.ablations --data SET.zip ... [--preset fast] [--studies teacher] [--resume] [--json]

"without" a teacher, nothing is compared with it (gamma2 = 0); the student still starts from its classifier. "skips": a
node has proxies from so many nodes before it, from all of them if "dense". "loss": beside the default, which compares
the logits alone, the forms of eq. 11 that compare the nodes, too (docs/paper-map.md).
A point of a front is one network of the search: accuracy on the validation split, shares removed net of what the task
adds. `student` is the published network's accuracy on the test split.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.tailor import Assignment, Row, add_run_options, claim, rows_of, wanted_runs


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A recipe with one part changed."""

    study: str
    name: str
    recipe: Mapping[str, Any]

    @property
    def folder(self) -> str:
        return f"{self.study}-{self.name}"


VARIANTS = (
    Variant(study="teacher", name="with", recipe={}),
    Variant(study="teacher", name="without", recipe={"gamma2": 0.0}),
    Variant(study="skips", name="1", recipe={"skips": 1}),
    Variant(study="skips", name="5", recipe={"skips": 5}),
    Variant(study="skips", name="dense", recipe={"skips": None}),
    Variant(study="loss", name="local", recipe={"loss": "local", "gamma2": 3.0, "distillation": 2.0}),
    Variant(study="loss", name="paper", recipe={"loss": "paper", "gamma2": 10.0}),
)
_STUDIES = ("teacher", "skips", "loss")
_ORDER = ("1", "3", "5", "dense")


def assignments(args: argparse.Namespace) -> list[tuple[Variant, Assignment]]:
    """Every variant of the wanted studies on every set; the recipe itself, "with" a teacher, is part of them all."""
    return [
        (
            variant,
            Assignment(
                archive=str(path),
                seed=seed,
                preset=args.preset,
                recipe=dict(variant.recipe),
                backbone=args.backbone,
                folder=str(args.out / variant.folder),
                threads=args.threads,
            ),
        )
        for path, seed in wanted_runs(args)
        for variant in VARIANTS
        if variant.study in args.studies or variant.name == "with"
    ]


def figures(row: Row, folder: Path) -> dict[str, Any]:
    """Of one tailoring."""
    front = json.loads((folder / f"{row.task}-seed{row.seed}" / "front.json").read_text())
    return {
        "seed": row.seed,
        "student": round(row.student_accuracy, 4),
        "teacher": round(row.teacher_accuracy, 4),
        "gap_points": round(row.gap_points, 2),
        "params_removed": round(row.params_removed, 4),
        "macs_removed": round(row.macs_removed, 4),
        "front": front,
    }


def studies(done: Sequence[tuple[Variant, Assignment, Row]]) -> dict[str, dict[str, dict[str, list[dict[str, Any]]]]]:
    """By study, variant and set, what every seed gave; the recipe itself as three skips and as loss of logits, too."""
    found: dict[str, dict[str, dict[str, list[dict[str, Any]]]]] = {study: {} for study in _STUDIES}
    for variant, assignment, row in done:
        own = figures(row, Path(assignment.folder))
        found[variant.study].setdefault(variant.name, {}).setdefault(row.task, []).append(own)
    itself = found["teacher"]["with"]
    skips = found["skips"] | {"3": itself}
    ordered = {name: skips[name] for name in _ORDER if name in skips}
    return found | {"skips": ordered, "loss": {"logits": itself} | found["loss"]}


def table(found: Mapping[str, Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]]) -> Table:
    columns = ("study", "variant", "set", "seed", "student", "gap", "parameters", "MACs")
    shown = Table(*columns, title="Accuracy (test split, %) and what was removed (net, %)")
    for study, variants in found.items():
        for variant, tasks in variants.items():
            for task, seeds in tasks.items():
                for own in seeds:
                    shown.add_row(
                        study,
                        variant,
                        task,
                        str(own["seed"]),
                        f"{100 * own['student']:.1f}",
                        f"{own['gap_points']:+.1f}",
                        f"{100 * own['params_removed']:.0f}",
                        f"{100 * own['macs_removed']:.0f}",
                    )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser, out=Path("runs/ablations"))
    parser.add_argument("--preset", choices=["fast", "balanced", "thorough"], default="fast")
    parser.add_argument("--studies", choices=_STUDIES, nargs="+", default=list(_STUDIES))
    args = parser.parse_args()
    claim(args, {})
    work = assignments(args)
    rows = rows_of([assignment for _, assignment in work], args.workers)
    found = studies([(*pair, row) for pair, row in zip(work, rows, strict=True)])
    Console(file=sys.stderr if args.json else sys.stdout, width=140).print(table(found))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
