"""Does the engine answer as the trainer's own student does, on really trained bundles?

    python -m benchmarks.agreement [--runs runs/tailor] [--dtype float32 bfloat16 int8] [--batch 32] [--json]

`--runs` is what `benchmarks.tailor --out` left: a folder a tailoring, with its dataset and its bundle. The test images
of all of them are shuffled together and go through the engine in mixed batches; every top-1 is compared with the
unfused student's, fp32, one task at a time. Goal: at least 99.9% equal in fp32, 99.5% in bf16, 99% in int8, and there
at most 0.2 points of accuracy lost over all images. What bf16 itself costs shows in the last column: the same student,
one task at a time, under PyTorch's own bf16 autocast. Bundles without activation ranges are calibrated for int8 on
their validation images.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import machine
from nettailor.bundle.bundle import Bundle, decode, encode
from nettailor.bundle.manifest import format_of, may_have_ranges
from nettailor.images import normalise
from nettailor.network.backbones import Backbone, load_backbone
from nettailor.network.int8.calibration import IMAGES, calibrated_ranges, range_tensors
from nettailor.network.int8.quantised import quantised_network
from nettailor.network.student import Student
from server.engine.engine import Engine, Part
from server.errors import Int8Unavailable
from server.kernels.device import open_device
from trainer.training.data import evaluation_batches, load_dataset
from trainer.training.images import LabelledImages

_GOALS = {"float32": 0.999, "bfloat16": 0.995, "int8": 0.99}
_MOST_LOST = 0.2  # points of accuracy, by int8

Answers = dict[str, NDArray[np.int64]]  # the top-1 of each bundle's test images (N,), by its name


@dataclass(frozen=True, kw_only=True, eq=False)
class Tailored:
    """A bundle with the test images of its dataset (N, 3, S, S), their labels, and what its student says of them (N,).
    The bundle has activation ranges, if it may have some."""

    name: str
    bundle: Bundle
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    expected: NDArray[np.int64]
    autocast: float  # share of the images of which it says the same in bf16


@torch.inference_mode()
def read(folder: Path, backbone: Backbone) -> Tailored:
    """Raises `BundleInvalid`, `OSError`."""
    bundle = decode((folder / "bundle.safetensors").read_bytes())
    preprocessing = bundle.manifest.preprocessing
    data = load_dataset(folder / "dataset.zip", preprocessing)
    images: NDArray[np.uint8] = data.test.exact().numpy()
    student = Student.from_bundle(backbone, bundle)
    batches = [torch.from_numpy(normalise(images[i : i + 64], preprocessing)) for i in range(0, len(images), 64)]
    expected = torch.cat([student(batch).argmax(1) for batch in batches])
    with torch.autocast("cpu", torch.bfloat16):
        low = torch.cat([student(batch).argmax(1) for batch in batches])
    same = float((low == expected).float().mean())
    return Tailored(
        name="/".join(folder.parts[-2:]),
        bundle=_with_ranges(bundle, student, data.val),
        images=images,
        labels=data.test.labels.numpy(),
        expected=expected.numpy(),
        autocast=same,
    )


def _with_ranges(bundle: Bundle, student: Student, val: LabelledImages) -> Bundle:
    manifest = bundle.manifest
    if manifest.activation_ranges or not may_have_ranges(manifest.method):
        return bundle
    few = val.rows(torch.linspace(0, len(val) - 1, min(len(val), IMAGES)).long())
    ranges = calibrated_ranges(student, (x for x, _ in evaluation_batches(few, manifest.preprocessing)))
    changes = {"activation_ranges": True, "format": format_of(manifest.method, activation_ranges=True)}
    return decode(encode(manifest.model_copy(update=changes), {**bundle.tensors, **range_tensors(ranges)}))


def answers(engine: Engine, tailored: Sequence[Tailored], batch: int) -> Answers:
    """What the engine answers in mixed batches."""
    adapters = [engine.pack(one.bundle) for one in tailored]
    found = {one.name: np.empty(len(one.images), np.int64) for one in tailored}
    for rows in _shuffled(tailored, batch):
        images = np.stack([tailored[task].images[row] for task, row in rows])
        parts = [Part(adapter=adapters[task], images=[place]) for place, (task, _) in enumerate(rows)]
        for (task, row), logits in zip(rows, engine.forward(images, parts), strict=True):
            found[tailored[task].name][row] = logits.argmax()
    return found


@torch.inference_mode()
def int8_answers(backbone: Backbone, tailored: Sequence[Tailored], batch: int) -> Answers:
    """What int8 arithmetic answers, one task at a time."""
    found = {}
    for one in tailored:
        network, preprocessing = quantised_network(backbone, one.bundle), one.bundle.manifest.preprocessing
        batches = (one.images[i : i + batch] for i in range(0, len(one.images), batch))
        logits = [network(torch.from_numpy(normalise(images, preprocessing))) for images in batches]
        found[one.name] = torch.cat(logits).argmax(1).numpy()
    return found


def agreement(tailored: Sequence[Tailored], found: Answers) -> dict[str, float]:
    """Share of each one's test images whose top-1 is the student's."""
    return {one.name: float((found[one.name] == one.expected).mean()) for one in tailored}


def lost_points(tailored: Sequence[Tailored], found: Answers) -> float:
    """Of accuracy, against the students, over all images."""
    lost = sum(int((one.expected == one.labels).sum() - (found[one.name] == one.labels).sum()) for one in tailored)
    return 100 * lost / sum(len(one.images) for one in tailored)


def _shuffled(tailored: Sequence[Tailored], batch: int) -> Iterator[list[tuple[int, int]]]:
    places = [(task, row) for task, one in enumerate(tailored) for row in range(len(one.images))]
    order = np.random.default_rng(0).permutation(len(places))
    for start in range(0, len(order), batch):
        yield [places[i] for i in order[start : start + batch]]


def table(tailored: Sequence[Tailored], found: dict[str, dict[str, float]]) -> Table:
    result = Table("bundle", "test images", *found, "autocast", title="Top-1 equal to the unfused fp32 student's, %")
    for one in tailored:
        shares = (f"{100 * shares[one.name]:.2f}" for shares in found.values())
        result.add_row(one.name, str(len(one.images)), *shares, f"{100 * one.autocast:.2f}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/tailor"), help="the folder that benchmarks.tailor wrote to"
    )
    parser.add_argument("--backbone", default="mini26")
    parser.add_argument("--dtype", nargs="+", choices=list(_GOALS), default=["float32", "bfloat16"])
    parser.add_argument("--batch", type=int, default=32, help="images in a mixed batch")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    args = parser.parse_args()
    folders = sorted(path.parent for path in args.runs.rglob("bundle.safetensors"))
    if not folders:
        raise SystemExit(f"{args.runs} holds no tailored bundles")
    backbone = load_backbone(args.backbone)
    tailored = [read(folder, backbone) for folder in folders]
    found = {dtype: _answers(backbone, dtype, tailored, args.batch) for dtype in args.dtype}
    by_bundle = {dtype: agreement(tailored, each) for dtype, each in found.items()}
    Console(stderr=args.json, width=100).print(table(tailored, by_bundle))
    print(json.dumps(_figures(tailored, found, by_bundle) | {"machine": machine.describe()}))


def _answers(backbone: Backbone, dtype: str, tailored: Sequence[Tailored], batch: int) -> Answers:
    try:
        device = open_device("cpu", dtype)
    except Int8Unavailable as refusal:
        print(f"{refusal}; int8 is computed in float32, task by task", file=sys.stderr)
        return int8_answers(backbone, tailored, batch)
    return answers(Engine(backbone, device), tailored, batch)


def _figures(tailored: Sequence[Tailored], found: dict[str, Answers], by_bundle: dict[str, dict[str, float]]) -> Any:
    images = sum(len(one.images) for one in tailored)
    shares = {
        dtype: round(sum(by_bundle[dtype][one.name] * len(one.images) for one in tailored) / images, 6)
        for dtype in found
    }
    lost = {dtype: round(lost_points(tailored, each), 4) for dtype, each in found.items()}
    for dtype, share in shares.items():
        met = share >= _GOALS[dtype] and (dtype != "int8" or lost[dtype] <= _MOST_LOST)
        verdict = f"goal {100 * _GOALS[dtype]:g}%: {'met' if met else 'MISSED'}"
        print(f"{dtype}: {100 * share:.3f}%, {lost[dtype]:.3f} points lost, {verdict}", file=sys.stderr)
    floor = sum(one.autocast * len(one.images) for one in tailored) / images
    figures = {"agreement": shares, "lost_points": lost, "autocast_student": round(floor, 6), "images": images}
    if "int8" in found:
        figures |= {"top1_agreement": shares["int8"], "accuracy_lost_points": lost["int8"]}
    return figures | {"by_bundle": by_bundle}


if __name__ == "__main__":
    main()
