"""Accuracy and savings of tailored networks on image sets.

    python -m benchmarks.tailor --data SET.zip ... [--seeds 0 --more-seeds SET=1,2] [--recipe NAME=VALUE ...]
                                [--resume] [--json]

A row is one tailoring, on the path an upload takes: intake, recipe, bundle. Its teacher is what the recipe's own search
found (learning rates, lengths, the frozen features), its statistics re-estimated as the student's are; "features" is a
linear classifier on the frozen backbone's features, fitted to training and validation images. The gap is against the
better one of the two. All accuracies are top-1 on the test split, which nothing before has seen.

Goals: a mean gap of at least 0, no set below -1 in the mean of its seeds and no row below -2, at least 50% of the
parameters and 35% of the MACs removed, no set that keeps every block. CPU seconds are those of the tailoring's process
and its children.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import sys
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.measuring.spent import Cost, Spent
from nettailor.bundle.bundle import Bundle, decode, digest_of
from nettailor.bundle.chain import linked
from nettailor.network.backbones import Backbone, load_backbone
from trainer.events import Event
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.recipe.config import RecipeConfig, parsed_change
from trainer.recipe.pipeline import tailor
from trainer.reports.version.findings import Finished
from trainer.reports.version.report import make_report
from trainer.training.data import TaskData, evaluation_batches, load_dataset
from trainer.training.images import LabelledImages


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One tailoring to do; plain data, so that it can be sent to a worker process."""

    archive: str
    seed: int
    preset: str
    recipe: dict[str, Any]  # what differs from the preset
    backbone: str
    folder: str
    threads: int
    weights: str | None = None  # the backbone's file; None: the usual ones
    chain: tuple[str, ...] = ()  # files of the bundles that it stands on, the first one first

    @property
    def task(self) -> str:
        return Path(self.archive).stem.lower()

    def config(self) -> RecipeConfig:
        """Raises `ValueError`."""
        table = self.recipe.get("cost_table")
        changes = self.recipe if table is None else self.recipe | {"cost_table": Path(table)}
        return RecipeConfig.preset(self.preset, seed=self.seed).changed(changes)  # type: ignore[arg-type]  # argparse checked it


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one tailoring gave; shares are 0..1, of the whole backbone, net of what the task adds where they say so."""

    task: str
    seed: int
    images: int  # of the training split
    classes: int
    teacher_accuracy: float  # of the features where the method has no teacher
    feature_accuracy: float
    student_accuracy: float
    validation_gap_points: float
    blocks_removed: int
    blocks: int
    macs_removed: float  # net
    params_removed: float  # net
    task_params_share: float
    minutes: float
    cpu_seconds: float

    @property
    def gap_points(self) -> float:
        """Against the better one of teacher and features."""
        return 100 * (self.student_accuracy - max(self.teacher_accuracy, self.feature_accuracy))


def run(assignment: Assignment) -> Row:
    """Do one tailoring; its row is kept in the folder, and a broken-off one goes on from its checkpoints."""
    torch.set_num_threads(assignment.threads)
    folder = Path(assignment.folder) / f"{assignment.task}-seed{assignment.seed}"
    result = folder / "row.json"
    if result.exists():
        return Row(**json.loads(result.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    spent = Spent(folder / "spent.json")
    dataset = folder / "dataset.zip"
    freeze(Path(assignment.archive), dataset, IntakeLimits())
    backbone = load_backbone(assignment.backbone, None if assignment.weights is None else Path(assignment.weights))
    chain = linked_chain([Path(file).read_bytes() for file in assignment.chain])
    config = assignment.config()

    def report(event: Event) -> None:
        spent.save()
        if event.kind != "epoch" or event.fields["epoch"] == event.fields["epochs"]:
            _log(assignment, event)

    tailored = tailor(
        assignment.task,
        dataset,
        config,
        backbone=backbone,
        report=report,
        checkpoints=folder / "checkpoints",
        chain=chain,
    )
    (folder / "bundle.safetensors").write_bytes(tailored.bundle)
    (folder / "front.json").write_text(json.dumps(tailored.pareto_front, indent=1))
    cost = spent.save()
    data = load_dataset(dataset, backbone.preprocessing)
    finished = Finished(
        bundle=replace(decode(tailored.bundle), chain=chain),
        pareto_front=tailored.pareto_front,
        test=data.test,
        history=tailored.history,
    )
    for name, content in make_report(finished, backbone).items():
        (folder / name).write_bytes(content)
    row = _row(assignment, tailored.bundle, data, feature_accuracy(data, backbone), cost)
    part = result.with_suffix(".part")
    part.write_text(json.dumps(asdict(row)))
    os.replace(part, result)
    shutil.rmtree(folder / "checkpoints")
    return row


def linked_chain(files: Sequence[bytes]) -> tuple[Bundle, ...]:
    """The bundles in these files, each of which stands on the one before."""
    if not files:
        return ()
    last = linked(decode(files[-1]), {digest_of(data): data for data in files}.get)
    return (*last.chain, last)


def _log(assignment: Assignment, event: Event) -> None:
    shown = {k: v for k, v in event.fields.items() if k not in ("alphas", "seconds_left", "images_per_second")}
    print(
        f"{assignment.task} {assignment.seed} {event.progress:.2f} {event.stage} {shown}", file=sys.stderr, flush=True
    )


def _row(assignment: Assignment, bundle: bytes, data: TaskData, features: float, cost: Cost) -> Row:
    manifest = decode(bundle).manifest
    teacher, student, complexity = manifest.metrics.teacher, manifest.metrics.student, manifest.complexity
    assert student.test is not None
    return Row(
        task=assignment.task,
        seed=assignment.seed,
        images=len(data.train),
        classes=len(manifest.classes),
        teacher_accuracy=features if teacher.test is None else teacher.test,
        feature_accuracy=features,
        student_accuracy=student.test,
        validation_gap_points=100 * float(manifest.recipe["gap"]),
        blocks_removed=manifest.plan.blocks.count(False),
        blocks=len(manifest.plan.blocks),
        macs_removed=complexity.net_macs_removed,
        params_removed=complexity.net_params_removed,
        task_params_share=complexity.task_params / complexity.backbone_params,
        minutes=cost.seconds / 60,
        cpu_seconds=cost.cpu_seconds,
    )


@torch.inference_mode()
def feature_accuracy(data: TaskData, backbone: Backbone) -> float:
    """Logistic regression on the frozen backbone's pooled features; its regularisation chosen on the validation
    split, then fitted on both."""
    from sklearn.linear_model import LogisticRegression  # a second, which what only imports this module need not wait

    def features(images: LabelledImages) -> NDArray[np.float32]:
        rows = [backbone(x) for x, _ in evaluation_batches(images, data.preprocessing)]
        values: NDArray[np.float32] = torch.cat(rows).numpy()
        return values

    train, val, test = features(data.train), features(data.val), features(data.test)
    mean, deviation = train.mean(0), train.std(0) + 1e-6
    train, val, test = ((x - mean) / deviation for x in (train, val, test))
    labels, val_labels = data.train.labels.numpy(), data.val.labels.numpy()

    def fitted(strength: float, x: NDArray[np.float32], y: NDArray[np.int64]) -> LogisticRegression:
        return LogisticRegression(C=strength, max_iter=300, tol=1e-3).fit(x, y)

    best = max((0.01, 0.1, 1.0), key=lambda c: fitted(c, train, labels).score(val, val_labels))
    final = fitted(best, np.concatenate([train, val]), np.concatenate([labels, val_labels]))
    return float(final.score(test, data.test.labels.numpy()))


def summary(rows: list[Row]) -> dict[str, object]:
    """Means over tasks; a task with several seeds counts once, with its mean."""
    by_task: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_task[row.task].append(row)

    def means(figure: str) -> list[float]:
        return [statistics.mean(getattr(row, figure) for row in same) for same in by_task.values()]

    return {
        "mean_accuracy_gap_points": round(statistics.mean(means("gap_points")), 3),
        "worst_accuracy_gap_points": round(min(means("gap_points")), 3),
        "worst_row_gap_points": round(min(row.gap_points for row in rows), 3),
        "mean_params_removed": round(statistics.mean(means("params_removed")), 4),
        "mean_macs_removed": round(statistics.mean(means("macs_removed")), 4),
        "mean_task_params_share": round(statistics.mean(means("task_params_share")), 4),
        "mean_cpu_seconds": round(statistics.mean(means("cpu_seconds")), 1),
        "sets_that_keep_every_block": sorted({row.task for row in rows if row.blocks_removed == 0}),
        "tasks": [asdict(row) | {"gap_points": row.gap_points} for row in rows],
    }


def table(rows: list[Row]) -> Table:
    columns = "task|seed|train|classes|features|teacher|NetTailor|gap|blocks|MACs|parameters|task|minutes|CPU s"
    result = Table(
        *columns.split("|"), title="Tailored networks: accuracy (test split, %) and what was removed (net, %)"
    )
    for row in rows:
        result.add_row(
            row.task,
            str(row.seed),
            str(row.images),
            str(row.classes),
            f"{100 * row.feature_accuracy:.1f}",
            f"{100 * row.teacher_accuracy:.1f}",
            f"{100 * row.student_accuracy:.1f}",
            f"{row.gap_points:+.2f}",
            f"-{row.blocks_removed}/{row.blocks}",
            f"{100 * row.macs_removed:.0f}",
            f"{100 * row.params_removed:.0f}",
            f"{100 * row.task_params_share:.1f}",
            f"{row.minutes:.1f}",
            f"{row.cpu_seconds:.0f}",
        )
    return result


def claim(args: argparse.Namespace, recipe: dict[str, Any]) -> None:
    """Make the folder ready, which belongs to one recipe and one backbone: a resumed run must not mix rows of
    several."""
    if not args.resume:
        shutil.rmtree(args.out, ignore_errors=True)
    wanted = {"preset": args.preset, "recipe": recipe, "backbone": load_backbone(args.backbone).fingerprint()}
    path = args.out / "run.json"
    if path.exists() and json.loads(path.read_text()) != wanted:
        raise SystemExit(f"{args.out} holds rows of another recipe or backbone; give another --out or no --resume")
    args.out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(wanted))


def _end_with_parent() -> None:
    """A worker does not outlive the command that started it, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def wanted_runs(args: argparse.Namespace) -> list[tuple[Path, int]]:
    """Archives and seeds, every set once first."""
    more = {name: [int(s) for s in seeds.split(",")] for name, _, seeds in (m.partition("=") for m in args.more_seeds)}
    unknown = set(more) - {path.stem for path in args.data}
    if unknown:
        raise SystemExit(f"--more-seeds names {', '.join(sorted(unknown))}, which is not among --data")
    wanted = [(path, seed) for path in args.data for seed in args.seeds]
    return wanted + [(path, seed) for path in args.data for seed in more.get(path.stem, [])]


def _assignments(args: argparse.Namespace) -> list[Assignment]:
    return [
        Assignment(
            archive=str(path),
            seed=seed,
            preset=args.preset,
            recipe=dict(map(parsed_change, args.recipe)),
            backbone=args.backbone,
            folder=str(args.out),
            threads=args.threads,
        )
        for path, seed in wanted_runs(args)
    ]


def rows_of(assignments: list[Assignment], workers: int) -> list[Row]:
    """So many tailorings at a time, each in a process of its own that does not outlive this one."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        return list(pool.map(run, assignments))


def add_run_options(parser: argparse.ArgumentParser, *, out: Path) -> None:
    """Options of every benchmark that tailors image sets."""
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="zips of class folders, any number")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds for every set")
    parser.add_argument("--more-seeds", nargs="*", default=[], metavar="SET=1,2", help="further seeds for some sets")
    parser.add_argument("--backbone", default="mini26")
    parser.add_argument("--out", type=Path, default=out, help="rows, bundles and checkpoints")
    parser.add_argument("--resume", action="store_true", help="keep the rows and checkpoints that --out holds")
    parser.add_argument("--workers", type=int, default=2, help="tailorings at a time")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser, out=Path("runs/tailor"))
    parser.add_argument("--preset", choices=["fast", "balanced", "thorough"], default="balanced")
    parser.add_argument(
        "--recipe", nargs="*", default=[], metavar="NAME=VALUE", help="differences from the preset (RecipeConfig)"
    )
    args = parser.parse_args()
    claim(args, dict(map(parsed_change, args.recipe)))
    assignments = _assignments(args)
    assignments[0].config()  # an unusable recipe ends here, not in a worker
    rows = rows_of(assignments, args.workers)
    Console(stderr=args.json, width=140).print(table(rows))
    print(json.dumps(summary(rows)))


if __name__ == "__main__":
    main()
