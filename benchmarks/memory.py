"""How much memory a large data set takes, from the upload to the training.

    python -m benchmarks.memory [--images 15000] [--side 224] [--backbone resnet34] [--steps 3] [--json]

Images of `--side` pixels are made up and packed as class folders. One process freezes them, another one holds them as a
training does: it decodes all of them, makes three folds, augments every training image once, and then runs teacher,
student and retraining on a few batches (`--steps`) drawn from all over the set, for full runs would take days here.

`private_mib` is the most memory of its own that a process had in a stage; `resident_mib` counts what it had mapped of
files as well, which the system takes back when it needs the room. The backbone has random weights.
"""

import argparse
import io
import json
import multiprocessing
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from benchmarks.measuring import machine
from benchmarks.training.steps import fold_of
from hosting.processes.memory import private_bytes, resident_bytes
from nettailor.network.backbones import Backbone, build_backbone, channels_last
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.recipe.config import RecipeConfig
from trainer.recipe.fold import Fold
from trainer.training.data import TaskData, load_dataset, training_batches
from trainer.training.schedule import Schedule
from trainer.training.stratified_folds import stratified_folds

GOAL_MIB = 6 * 1024
_CLASSES, _FOLDS = 10, 3
_COARSE, _NOISE = 28, 12  # pixels a side of what is scaled up, and grey levels of what is laid over it
_EVALUATED = 128  # images, for accuracy and statistics
_POLL_S = 0.02
_MIB = 2**20

Enter = Callable[[str], None]  # hears that a stage begins


@dataclass(kw_only=True)
class Stage:
    """What a process took from the beginning of a stage to its end."""

    private_bytes: int = 0
    resident_bytes: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "private_mib": self.private_bytes // _MIB,
            "resident_mib": self.resident_bytes // _MIB,
            "seconds": round(self.seconds, 1),
        }


@dataclass(kw_only=True)
class Watcher:
    """Looks at a process again and again."""

    pid: int
    stages: dict[str, Stage] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)
    current: Stage = field(default_factory=Stage)

    def enter(self, name: str) -> None:
        self.current = self.stages.setdefault(name, Stage())
        self._look(self.current)  # it may be over before the next one

    def watch(self) -> None:
        last = time.monotonic()
        while not self.ended.wait(_POLL_S):
            stage, now = self.current, time.monotonic()
            self._look(stage)
            stage.seconds, last = stage.seconds + now - last, now

    def _look(self, stage: Stage) -> None:
        stage.private_bytes = max(stage.private_bytes, private_bytes(self.pid))
        stage.resident_bytes = max(stage.resident_bytes, resident_bytes(self.pid))


def watched(work: Callable[..., None], *arguments: object) -> dict[str, Stage]:
    """The stages of some work, which is done in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, theirs, *arguments))
    process.start()
    theirs.close()
    assert process.pid is not None
    watcher = Watcher(pid=process.pid)
    thread = threading.Thread(target=watcher.watch)
    thread.start()
    try:
        while True:
            watcher.enter(ours.recv())
    except EOFError:  # it has ended
        process.join()
    finally:
        watcher.ended.set()
        thread.join()
    if process.exitcode:
        raise SystemExit(f"the measured process ended with {process.exitcode}")
    return watcher.stages


def _work(work: Callable[..., None], pipe: Connection, *arguments: object) -> None:
    work(pipe.send, *arguments)


def write_upload(path: Path, images: int, side: int) -> None:
    """A zip of class folders with JPEGs that look like nothing, each different."""
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(images):
            coarse = Image.fromarray(random.integers(0, 256, (_COARSE, _COARSE, 3), np.uint8))
            pixels = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).astype(np.int16)
            noisy = pixels + random.integers(-_NOISE, _NOISE, pixels.shape, np.int16)
            buffer = io.BytesIO()
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
            archive.writestr(f"class{number % _CLASSES}/{number:06d}.jpg", buffer.getvalue())


def take_in(enter: Enter, upload: Path, dataset: Path) -> None:
    enter("freeze")
    freeze(upload, dataset, IntakeLimits())


def hold_and_train(enter: Enter, dataset: Path, args: argparse.Namespace) -> None:
    torch.manual_seed(0)
    enter("start")
    backbone = channels_last(build_backbone(args.backbone))
    crop = args.side
    backbone.preprocessing = backbone.preprocessing.model_copy(update={"resize": crop, "crop": crop})
    enter("load")
    data = load_dataset(dataset, backbone.preprocessing)
    enter("folds")
    folds = stratified_folds(data, _FOLDS, seed=0)
    enter("augment")
    generator = torch.Generator().manual_seed(0)
    for _ in training_batches(data.train, data.preprocessing, batch_size=32, flip=True, generator=generator):
        pass
    for train, val in folds[:1]:
        _train(enter, replace(data, train=train, val=val), backbone, dataset.parent / "fold", args.steps)


def _train(enter: Enter, data: TaskData, backbone: Backbone, folder: Path, steps: int) -> None:
    config = _one_epoch_each(RecipeConfig(bf16=False))
    # Accuracy is measured on full batches, but on few of them.
    some = torch.randperm(len(data.val), generator=torch.Generator().manual_seed(1))[:_EVALUATED]
    fold = ShortFold(**_shallow(fold_of(Fold, replace(data, val=data.val.rows(some)), config, backbone, folder)))
    fold = replace(fold, steps=steps)
    enter("teacher")
    teacher = fold.teacher(config.teacher)
    enter("student")
    student = fold.student(teacher)
    enter("retrain")
    fold.polished(fold.recovered(student, teacher, blocks=2), teacher, blocks=2)


def _one_epoch_each(config: RecipeConfig) -> RecipeConfig:
    def once(schedule: Schedule) -> Schedule:
        return replace(schedule, epochs=1, min_images=0)

    return replace(
        config,
        teacher=once(config.teacher),
        student=once(config.student),
        recover=once(config.recover),
        retrain=once(config.retrain),
    )


@dataclass(frozen=True, kw_only=True)
class ShortFold(Fold):
    """Holds all images, and trains on a few batches of them only."""

    steps: int = 1

    def _batches(self, schedule: Schedule, generator: torch.Generator) -> Iterable[tuple[Tensor, Tensor, float]]:
        return islice(super()._batches(schedule, generator), self.steps)

    def reestimate_statistics(self, model: nn.Module, count: int | None) -> None:
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(1))
        Fold(**_shallow(self) | {"train": self.train.rows(order[:_EVALUATED])}).reestimate_statistics(model, count)


def _shallow(fold: Fold) -> dict[str, Any]:
    """What a fold holds, by the names of its fields."""
    return {each.name: getattr(fold, each.name) for each in fields(Fold)}


def table_of(stages: dict[str, Stage]) -> Table:
    table = Table("stage", "private, MiB", "resident, MiB", "seconds", title="memory, most in each stage")
    for name, stage in stages.items():
        table.add_row(name, *(str(figure) for figure in stage.as_json().values()))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=15_000)
    parser.add_argument("--side", type=int, default=224, help="pixels, of the images and of what the network sees")
    parser.add_argument("--backbone", default="resnet34")
    parser.add_argument("--steps", type=int, default=3, help="of each training")
    parser.add_argument(
        "--folder", type=Path, help="on a real disk; the system's folder for temporary files by default"
    )
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nettailor-memory-", dir=args.folder))
    try:
        upload, dataset = folder / "upload.zip", folder / "dataset.zip"
        write_upload(upload, args.images, args.side)
        upload_bytes = upload.stat().st_size
        stages = watched(take_in, upload, dataset)
        upload.unlink()
        stages |= watched(hold_and_train, dataset, args)
    finally:
        shutil.rmtree(folder)
    Console(stderr=args.json, width=110).print(table_of(stages))
    print(json.dumps(summary(args, stages, upload_bytes)))


def summary(args: argparse.Namespace, stages: dict[str, Stage], upload_bytes: int) -> dict[str, Any]:
    peak = max(stage.private_bytes for stage in stages.values())
    wide = round(1.25 * args.side)
    return {
        "images": args.images,
        "side": args.side,
        "backbone": args.backbone,
        "steps": args.steps,
        "upload_mib": upload_bytes // _MIB,
        "pixels_mib": 3 * args.images * (args.side**2 + wide**2) // _MIB,
        "stages": {name: stage.as_json() for name, stage in stages.items()},
        "peak_private_mib": peak // _MIB,
        "goal_mib": GOAL_MIB,
        "met": peak <= GOAL_MIB * _MIB,
        "machine": machine.describe(),
    }


if __name__ == "__main__":
    main()
