"""Pretrains the embedded backbone on several image sets at once.

`python -m trainer.pretrain --data SET.zip ... --out runs/mini26`

Each set has a head of its own on the shared backbone; a batch mixes the sets. The schedule follows the time budget
(one cycle over `--minutes` of training time), so that the run ends when it should on a machine that does other work;
it resumes from its last checkpoint. The exported file holds an exponential moving average of the weights. `--start`
gives the backbone of an earlier run, for one more cycle.
"""

import argparse
import io
import json
import logging
import math
import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nettailor.cpu import bf16_pays
from nettailor.network.backbones import Backbone, build_backbone, canonical_tensors, channels_last, load_backbone

logger = logging.getLogger(__name__)

STORED_SIDE = 64  # px; every image is kept at this side, crops are cut from it
WARMUP = 0.05  # share of the time budget


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """`images` (N, 3, STORED_SIDE, STORED_SIDE) uint8, `labels` (N,) int64 in 0..classes-1, all on the CPU."""

    name: str
    images: Tensor
    labels: Tensor
    classes: int


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """Knobs of one pretraining run; the defaults made the shipped `mini26`."""

    backbone: str = "mini26"
    minutes: float = 85.0  # training time, not counting evaluation; the shipped run's first cycle
    batch_size: int = 128
    lr: float = 0.15  # peak, for SGD with Nesterov momentum 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    smallest_crop: int = 40  # px of the stored side; crops are square and as large as 64
    jitter: float = 0.25  # brightness and contrast, each times 1 +- jitter
    ema_decay: float = 0.999
    seed: int = 0
    start: Path | None = None  # weights of the backbone at the first step; None: random


def read_zip(path: Path, split: str, cache: Path) -> ImageSet:
    """One split of a zip of class folders, decoded once and kept as arrays under `cache`."""
    cached = cache / f"{path.stem}_{split}.npz"
    if not cached.exists():
        cache.mkdir(parents=True, exist_ok=True)
        images, labels, classes = _decode_zip(path, split)
        np.savez(cached, images=images, labels=labels, classes=classes)
    with np.load(cached) as arrays:
        return ImageSet(
            name=path.stem,
            images=torch.from_numpy(arrays["images"]),
            labels=torch.from_numpy(arrays["labels"]),
            classes=int(arrays["classes"]),
        )


def _decode_zip(path: Path, split: str) -> tuple[np.ndarray, np.ndarray, int]:
    with zipfile.ZipFile(path) as archive:
        members = sorted(n for n in archive.namelist() if n.startswith(f"{split}/") and not n.endswith("/"))
        classes = sorted({m.split("/")[1] for m in members})
        images = np.empty((len(members), 3, STORED_SIDE, STORED_SIDE), np.uint8)
        for row, member in enumerate(members):
            image = Image.open(io.BytesIO(archive.read(member))).convert("RGB")
            image = image.resize((STORED_SIDE, STORED_SIDE), Image.Resampling.BICUBIC)
            images[row] = np.asarray(image).transpose(2, 0, 1)
    labels = np.array([classes.index(m.split("/")[1]) for m in members], np.int64)
    return images, labels, len(classes)


class MultiHead(nn.Module):
    """A backbone with one linear head a set; the heads stand side by side in one matrix."""

    def __init__(self, backbone: Backbone, classes: list[int]) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.channels[-1], sum(classes))
        # (sum of classes,) the set each logit belongs to; no buffer, or the moving average would blur it
        self.owner = torch.repeat_interleave(torch.arange(len(classes)), torch.tensor(classes))

    def forward(self, images: Tensor, sets: Tensor) -> Tensor:
        """Logits (N, sum of classes); minus infinity outside the set of each image (`sets`, (N,))."""
        logits: Tensor = self.head(self.backbone(images)).float()
        return logits.masked_fill(self.owner[None, :] != sets[:, None], -math.inf)


def smoothed_cross_entropy(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Cross entropy with label smoothing over the finite logits of each row only."""
    log_p = F.log_softmax(logits, dim=1)
    finite = torch.isfinite(logits)
    uniform = log_p.masked_fill(~finite, 0).sum(1) / finite.sum(1)
    picked = log_p.gather(1, targets[:, None])[:, 0]
    return -((1 - smoothing) * picked + smoothing * uniform).mean()


def augment(images: Tensor, side: int, config: PretrainConfig, generator: torch.Generator) -> Tensor:
    """Random crops (one size a batch, one place an image), flips, brightness and contrast; uint8 -> float 0..1."""
    n, stored = len(images), images.shape[-1]
    crop = int(torch.randint(config.smallest_crop, stored + 1, (), generator=generator))
    corners = torch.randint(stored - crop + 1, (n, 2), generator=generator).tolist()
    cropped = torch.stack([i[:, y : y + crop, x : x + crop] for i, (y, x) in zip(images, corners, strict=True)])
    x = F.interpolate(cropped.float() / 255, size=(side, side), mode="bilinear", antialias=True)
    flip = torch.rand(n, generator=generator) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    gain = 1 + config.jitter * (2 * torch.rand(n, 2, 1, 1, 1, generator=generator) - 1)
    mean = x.mean((1, 2, 3), keepdim=True)
    return (gain[:, 0] * mean + gain[:, 1] * (x - mean)).clamp(0, 1)


def normalised(x: Tensor, backbone: Backbone) -> Tensor:
    """Images 0..1 (N, 3, H, W) as the backbone expects them, channels-last."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (backbone.preprocessing.mean, backbone.preprocessing.std))
    return ((x - mean) / std).to(memory_format=torch.channels_last)


def learning_rate(progress: float, peak: float) -> float:
    """Linear warm-up, then a half cosine to zero; `progress` in 0..1."""
    if progress < WARMUP:
        return peak * (0.05 + 0.95 * progress / WARMUP)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - WARMUP) / (1 - WARMUP))))


def _first_backbone(config: PretrainConfig) -> Backbone:
    if config.start is None:
        return build_backbone(config.backbone)
    return load_backbone(config.backbone, config.start).requires_grad_(True)


class Pretraining:
    """One run: model, optimizer, moving average, clock; saved and restored as a whole."""

    def __init__(self, config: PretrainConfig, sets: list[ImageSet], out: Path) -> None:
        torch.manual_seed(config.seed)
        self.config, self.sets, self.out = config, sets, out
        backbone = channels_last(_first_backbone(config))
        self.model = MultiHead(backbone, [s.classes for s in sets])
        self.average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay), use_buffers=True)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=config.lr, momentum=0.9, nesterov=True, weight_decay=config.weight_decay
        )
        self.epoch, self.seconds = 0, 0.0
        # Images of all sets in one row: (set, index in the set)
        self.rows = torch.cat(
            [torch.stack([torch.full((len(s.labels),), i), torch.arange(len(s.labels))], 1) for i, s in enumerate(sets)]
        )
        self.offsets = torch.tensor([0] + [s.classes for s in sets]).cumsum(0)

    @property
    def averaged(self) -> MultiHead:
        """The model with the moving average's weights."""
        assert isinstance(self.average.module, MultiHead)
        return self.average.module

    @property
    def progress(self) -> float:
        return self.seconds / (60 * self.config.minutes)

    def run(self) -> None:
        """Train until the time budget is spent, with a checkpoint an epoch; then export."""
        self.restore()
        while self.progress < 1:
            loss, images = self.train_epoch()
            self.epoch += 1
            self.save()
            logger.info("epoch %d: loss %.3f, %d images, progress %.3f", self.epoch, loss, images, self.progress)
        export(self.averaged.backbone, self.out / f"{self.config.backbone}.safetensors")

    def train_epoch(self) -> tuple[float, int]:
        self.model.train()
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.epoch)
        losses: list[float] = []
        started, before = time.monotonic(), self.seconds
        for images, sets, targets in self.batches(generator):
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self.progress, self.config.lr)
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16_pays()):
                logits = self.model(images, sets)
            loss = smoothed_cross_entropy(logits, targets, self.config.label_smoothing)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.average.update_parameters(self.model)
            losses.append(loss.item())
            self.seconds = before + time.monotonic() - started
            if self.progress >= 1:
                break
        return sum(losses) / len(losses), len(losses) * self.config.batch_size

    def batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(images (B, 3, H, W) normalised, set of each (B,), target among all heads' logits (B,))."""
        backbone = self.model.backbone
        order = torch.randperm(len(self.rows), generator=generator)
        for rows in order.split(self.config.batch_size):
            if len(rows) < self.config.batch_size:
                return
            chosen = self.rows[rows].tolist()
            raw = torch.stack([self.sets[s].images[i] for s, i in chosen])
            sets = self.rows[rows, 0]
            labels = torch.stack([self.sets[s].labels[i] for s, i in chosen])
            x = augment(raw, backbone.preprocessing.crop, self.config, generator)
            yield normalised(x, backbone), sets, labels + self.offsets[sets]

    def save(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "seconds": self.seconds,
        }
        part = self.out / "checkpoint.part"
        torch.save(state, part)
        os.replace(part, self.out / "checkpoint.pt")

    def restore(self) -> None:
        path = self.out / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        logger.info("resumed after epoch %d", self.epoch)


@torch.inference_mode()
def accuracy(model: MultiHead, images: ImageSet, set_index: int, first_logit: int) -> float:
    """Top-1 of one set's head, whole images resized to the backbone's crop (fp32)."""
    model.eval()
    side, right = model.backbone.preprocessing.crop, 0
    for raw, labels in zip(images.images.split(256), images.labels.split(256), strict=True):
        x = F.interpolate(raw.float() / 255, size=(side, side), mode="bilinear", antialias=True)
        logits = model(normalised(x, model.backbone), torch.full((len(raw),), set_index))
        right += int((logits.argmax(1) - first_logit == labels).sum())
    return right / len(images.labels)


def export(backbone: Backbone, path: Path) -> None:
    """Write the canonical tensors as fp16 safetensors."""
    tensors = {name: t.half().contiguous() for name, t in canonical_tensors(backbone).items()}
    save_file(tensors, path, metadata={"backbone": backbone.name})


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="zips of train/<class>/ and test/<class>/")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint, caches and the exported file")
    parser.add_argument("--minutes", type=float, default=PretrainConfig.minutes, help="training time")
    parser.add_argument("--lr", type=float, default=PretrainConfig.lr, help="peak learning rate")
    parser.add_argument("--start", type=Path, help="weights of the backbone to start from")
    parser.add_argument("--backbone", default=PretrainConfig.backbone)
    parser.add_argument("--seed", type=int, default=PretrainConfig.seed)
    args = parser.parse_args()
    config = PretrainConfig(backbone=args.backbone, minutes=args.minutes, lr=args.lr, seed=args.seed, start=args.start)
    run = Pretraining(config, [read_zip(p, "train", args.out) for p in args.data], args.out)
    run.run()
    top1 = {}
    for index, path in enumerate(args.data):
        test = read_zip(path, "test", args.out)
        top1[test.name] = round(accuracy(run.averaged, test, index, int(run.offsets[index])), 4)
    print(json.dumps({"top1": top1, "epochs": run.epoch, "minutes": round(run.seconds / 60, 1)}))


if __name__ == "__main__":
    main()
