"""One pretraining run: SGD over batches that mix the image sets.

Legend: B images of a batch, H W pixels.
"""

import logging
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nettailor.cpu import bf16_pays
from nettailor.network.backbones import Backbone, build_backbone, channels_last, load_backbone
from trainer.errors import TooFewImages
from trainer.pretrain.augmentation import augment, normalised
from trainer.pretrain.config import PretrainConfig
from trainer.pretrain.image_set import ImageSet
from trainer.pretrain.multi_head import MultiHead, smoothed_cross_entropy
from trainer.pretrain.pruning import Zeros, fit_heads
from trainer.training.fit import write_state
from trainer.training.optimizers.uncompiled import SGD

logger = logging.getLogger(__name__)

WARMUP = 0.05  # share of the time budget


def learning_rate(progress: float, peak: float) -> float:
    """Linear warm-up, then a half cosine to zero; `progress` in 0..1."""
    if progress < WARMUP:
        return peak * (0.05 + 0.95 * progress / WARMUP)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - WARMUP) / (1 - WARMUP))))


def _begins_trained(config: PretrainConfig) -> bool:
    return config.start is not None or config.prune is not None


def _first_backbone(config: PretrainConfig) -> Backbone:
    if not _begins_trained(config):
        return build_backbone(config.backbone)
    return load_backbone(config.backbone, config.start).requires_grad_(True)


class Pretraining:
    """Model, optimizer, moving average and the time they took; saved and restored as a whole.

    Raises `TooFewImages`."""

    def __init__(self, config: PretrainConfig, sets: list[ImageSet], out: Path) -> None:
        images = sum(len(s.labels) for s in sets)
        if images < config.batch_size:
            raise TooFewImages(images, config.batch_size)
        torch.manual_seed(config.seed)
        self.config, self.sets, self.out = config, sets, out
        backbone = channels_last(_first_backbone(config))
        self.zeros = None if config.prune is None else Zeros(backbone, config.prune)
        self.model = MultiHead(backbone, [s.classes for s in sets])
        if _begins_trained(config) and not self._checkpoint.exists():
            fit_heads(self.model, sets)
        self.average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay), use_buffers=True)
        self.optimizer = SGD(
            self.model.parameters(), lr=config.lr, momentum=0.9, nesterov=True, weight_decay=config.weight_decay
        )
        self.epoch, self.seconds, self.seen = 0, 0.0, 0
        # Images of all sets in one row: (set, index in the set)
        self.rows = torch.cat(
            [torch.stack([torch.full((len(s.labels),), i), torch.arange(len(s.labels))], 1) for i, s in enumerate(sets)]
        )
        self.offsets = torch.tensor([0] + [s.classes for s in sets]).cumsum(0)

    @property
    def _checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"

    @property
    def averaged(self) -> MultiHead:
        """The model with the moving average's weights."""
        assert isinstance(self.average.module, MultiHead)
        return self.average.module

    def averaged_heads(self) -> list[tuple[str, nn.Linear]]:
        """The moving average's head of each set, by its name."""
        firsts = self.offsets[:-1].tolist()
        return [(s.name, self.averaged.head_of(first, s.classes)) for first, s in zip(firsts, self.sets, strict=True)]

    @property
    def progress(self) -> float:
        """0..1: the share of the epochs, or of the time, that is over."""
        if self.config.epochs is None:
            return self.seconds / (60 * self.config.minutes)
        return self.seen / (self.config.epochs * self._images_an_epoch)

    @property
    def _images_an_epoch(self) -> int:
        """Batches that are not full are left out."""
        return len(self.rows) // self.config.batch_size * self.config.batch_size

    def run(self) -> None:
        """Train until the epochs are over or the time is spent, with a checkpoint an epoch; goes on from the last."""
        self.restore()
        while self.progress < 1:
            loss, images = self.train_epoch()
            self.epoch += 1
            self.save()
            logger.info("epoch %d: loss %.3f, %d images, progress %.3f", self.epoch, loss, images, self.progress)

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
            if self.zeros is not None:
                self.zeros.keep()
            self.average.update_parameters(self.model)
            losses.append(loss.item())
            self.seen += len(images)
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
            "seen": self.seen,
        }
        write_state(self._checkpoint, self.out / "checkpoint.part", state)

    def restore(self) -> None:
        if not self._checkpoint.exists():
            return
        state = torch.load(self._checkpoint, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.seconds, self.seen = state["epoch"], state["seconds"], state["seen"]
        logger.info("resumed after epoch %d", self.epoch)
