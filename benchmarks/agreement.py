"""Does the engine answer as the trainer's own student does, on really trained bundles?

    python -m benchmarks.agreement --runs runs/tailor [--dtypes float32 bfloat16] [--batch 32] [--json]

`--runs` is what `benchmarks.tailor --out` left: a folder a tailoring, with its dataset and its bundle. The test images
of all of them are shuffled together and go through the engine in mixed batches; every top-1 is compared with the
unfused student's, fp32, one task at a time. Goal: at least 99.9% equal in fp32, 99.5% in bf16. What bf16 itself costs
shows in the last column: the same student, one task at a time, under PyTorch's own bf16 autocast.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import machine
from nettailor.bundle.bundle import Bundle, decode
from nettailor.images import normalise
from nettailor.network.backbones import Backbone, load_backbone
from nettailor.network.student import Student
from server.engine.engine import Engine, Part
from server.kernels.device import open_device
from trainer.training.data import load_dataset

_GOALS = {"float32": 0.999, "bfloat16": 0.995}


@dataclass(frozen=True, kw_only=True, eq=False)
class Tailored:
    """A bundle with the test images of its dataset (N, 3, S, S) and what its student says of them (N,)."""

    name: str
    bundle: Bundle
    images: NDArray[np.uint8]
    expected: NDArray[np.int64]
    autocast: float  # share of the images of which it says the same in bf16


@torch.inference_mode()
def read(folder: Path, backbone: Backbone) -> Tailored:
    """Raises `BundleInvalid`, `OSError`."""
    bundle = decode((folder / "bundle.safetensors").read_bytes())
    preprocessing = bundle.manifest.preprocessing
    images: NDArray[np.uint8] = load_dataset(folder / "dataset.zip", preprocessing).test.exact().numpy()
    student = Student.from_bundle(backbone, bundle)
    batches = [torch.from_numpy(normalise(images[i : i + 64], preprocessing)) for i in range(0, len(images), 64)]
    expected = torch.cat([student(batch).argmax(1) for batch in batches])
    with torch.autocast("cpu", torch.bfloat16):
        low = torch.cat([student(batch).argmax(1) for batch in batches])
    same = float((low == expected).float().mean())
    return Tailored(name=folder.name, bundle=bundle, images=images, expected=expected.numpy(), autocast=same)


def agreement(engine: Engine, tailored: Sequence[Tailored], batch: int) -> dict[str, float]:
    """Share of each one's test images whose top-1 the engine tells as the student does."""
    adapters = [engine.pack(one.bundle) for one in tailored]
    equal = [0] * len(tailored)
    for rows in _shuffled(tailored, batch):
        images = np.stack([tailored[task].images[row] for task, row in rows])
        parts = [Part(adapter=adapters[task], images=[place]) for place, (task, _) in enumerate(rows)]
        for (task, row), logits in zip(rows, engine.forward(images, parts), strict=True):
            equal[task] += int(logits.argmax() == tailored[task].expected[row])
    return {one.name: count / len(one.images) for one, count in zip(tailored, equal, strict=True)}


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
    parser.add_argument("--runs", type=Path, required=True, help="the folder that benchmarks.tailor wrote to")
    parser.add_argument("--backbone", default="mini26")
    parser.add_argument("--dtypes", nargs="+", choices=list(_GOALS), default=list(_GOALS))
    parser.add_argument("--batch", type=int, default=32, help="images in a mixed batch")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    args = parser.parse_args()
    folders = sorted(path.parent for path in args.runs.glob("*/bundle.safetensors"))
    if not folders:
        raise SystemExit(f"{args.runs} holds no tailored bundles")
    backbone = load_backbone(args.backbone)
    tailored = [read(folder, backbone) for folder in folders]
    found = {
        dtype: agreement(Engine(backbone, open_device("cpu", dtype)), tailored, args.batch) for dtype in args.dtypes
    }
    Console(stderr=args.json, width=100).print(table(tailored, found))
    images = sum(len(one.images) for one in tailored)
    shares = {
        dtype: round(sum(found[dtype][one.name] * len(one.images) for one in tailored) / images, 6) for dtype in found
    }
    floor = sum(one.autocast * len(one.images) for one in tailored) / images
    for dtype, share in shares.items():
        verdict = "met" if share >= _GOALS[dtype] else "MISSED"
        print(f"{dtype}: {100 * share:.3f}%, goal {100 * _GOALS[dtype]:g}%: {verdict}", file=sys.stderr)
    figures = {"agreement": shares, "autocast_student": round(floor, 6), "images": images, "by_bundle": found}
    print(json.dumps(figures | {"machine": machine.describe()}))


if __name__ == "__main__":
    main()
