"""What tailoring costs, beside the straightforward training step and beside plain fine-tuning.

    python -m benchmarks.training [--data SET.zip] [--preset balanced] [--rounds 9] [--seeds 0 1 2] [--json]

- Steps of every stage: images a second of one optimiser step of teacher, full student with three skips, and student
  without half of its blocks, on one batch of 32, against the form one would write first: two passes through the
  student, fp32, weights and images contiguous, the teacher in training form (`benchmarks.training.straightforward`).
  In fp32 the gradients are compared, too; "all on" is what the recipe does by itself on this machine. Decoding
  is on neither side; what it would add without the cache has a line.
- Accuracy: whole student trainings, both ways, same seeds and batches, on the validation and the test split.
- One whole tailoring: time of every stage, share of it in which training waited for a batch, and the whole beside its
  first stage, which is plain fine-tuning with the same search over learning rates and lengths.

Without --data, scikit-learn's digits. Goals: 1.3 in fp32, 1.8 with all on, waiting at most 5%, at most 3 times plain
fine-tuning.
"""

import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import machine
from benchmarks.training.steps import BATCH, Steps, measure_steps
from benchmarks.training.students import Trained, train_students
from benchmarks.training.whole import Whole, tailor_once
from cli.demo.data import write_digits
from nettailor.network.backbones import channels_last, load_backbone
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.training.data import load_dataset


def steps_table(steps: Steps) -> Table:
    table = Table("stage", "form", "images/s", "speed-up", title=f"One step of training, batch {BATCH}")
    for (stage, form), rates in steps.rates.items():
        table.add_row(stage, form, f"{statistics.median(rates):.0f}", str(steps.speedup(stage, form)))
    return table


def trained_table(trained: list[Trained]) -> Table:
    table = Table("seed", "form", "validation", "test", "seconds", title="The student's whole training (%)")
    for row in trained:
        values = f"{100 * row.validation:.2f}", f"{100 * row.test:.2f}", f"{row.seconds:.0f}"
        table.add_row(str(row.seed), row.form, *values)
    return table


def whole_table(whole: Whole) -> Table:
    table = Table("stage", "seconds", title="A whole tailoring")
    for stage, seconds in whole.stages.items():
        table.add_row(stage, f"{seconds:.1f}")
    table.add_row("beside plain fine-tuning with the same search", f"{whole.vs_finetuning:.2f} times")
    table.add_row("an epoch beside one of plain fine-tuning", f"{whole.epoch_vs_finetuning:.2f} times")
    return table


def step_figures(steps: Steps) -> dict[str, Any]:
    return {
        "student_step_speedup_fp32": round(steps.speedup("student", "fp32").median, 3),
        "student_step_speedup": round(steps.speedup("student", "all on").median, 3),
        "images_a_second": {
            f"{stage}, {form}": round(statistics.median(rates)) for (stage, form), rates in steps.rates.items()
        },
        "gradient_error": steps.gradient_error,
        "rounding_error": steps.rounding_error,
        "decode_ms_a_batch": round(steps.decode_ms, 2),
    }


def summary(steps: Steps, trained: list[Trained], whole: Whole) -> dict[str, Any]:
    def mean(form: str, split: str) -> float:
        return statistics.mean(float(getattr(row, split)) for row in trained if row.form == form)

    return step_figures(steps) | {
        "data_wait_share": round(whole.waited / whole.training_seconds, 4),
        "tailoring_vs_finetuning": round(whole.vs_finetuning, 3),
        "epoch_vs_finetuning": round(whole.epoch_vs_finetuning, 3),
        "test_accuracy_straightforward": round(mean("straightforward", "test"), 4),
        "test_accuracy": round(mean("all on", "test"), 4),
        "epochs": dict(whole.epochs),
        "stages_seconds": {stage: round(seconds, 1) for stage, seconds in whole.stages.items()},
        "machine": machine.describe(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a zip of class folders")
    parser.add_argument("--preset", choices=["fast", "balanced", "thorough"], default="balanced")
    parser.add_argument("--backbone", default="mini26")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each side a round")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps-only", action="store_true", help="a minute or two instead of ten")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the tables on stderr")
    args = parser.parse_args()
    backbone = channels_last(load_backbone(args.backbone))
    folder = Path(tempfile.mkdtemp(prefix="nettailor-training-"))
    try:
        archive = folder / "dataset.zip"
        if args.data is None:
            write_digits(folder / "digits.zip")
        freeze(args.data or folder / "digits.zip", archive, IntakeLimits())
        data = load_dataset(archive, backbone.preprocessing)
        steps = measure_steps(data, archive, backbone, folder / "steps", args)
        console = Console(stderr=args.json, width=110)
        console.print(steps_table(steps))
        if args.steps_only:
            print(json.dumps(step_figures(steps)))
            return
        trained = train_students(data, backbone, folder / "students", args)
        console.print(trained_table(trained))
        whole = tailor_once(archive, backbone, folder / "whole", args.preset)
        console.print(whole_table(whole))
    finally:
        shutil.rmtree(folder)
    print(json.dumps(summary(steps, trained, whole)))


if __name__ == "__main__":
    main()
