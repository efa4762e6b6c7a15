"""Every knob of the recipe, and the presets a person chooses from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from nettailor.bundle.manifest import WHOLE_METHODS, Method, ProxyDtype, StatisticsMode, adapters_of
from nettailor.complexity.counting import Measure
from nettailor.network.losses import Loss, compares_nodes
from trainer.recipe.loss_weights import LossWeights
from trainer.recipe.selection import Wanted
from trainer.training.schedule import Schedule

Preset = Literal["fast", "balanced", "thorough"]
_TEACHER = Schedule(epochs=15, lr=0.01, min_images=19_200, max_images=384_000)
_MUON = Schedule(epochs=12, max_batch_size=64, lr=0.02, matrix_lr=0.2, statistics_lr=0.3, clip=3.0)
_STUDENT = replace(_MUON, alpha_lr=3.0, min_images=12_800, max_images=96_000)
# gamma2 and the weight of the distillation beside it.
_TEACHER_WEIGHTS: Mapping[Loss, tuple[float, float]] = {
    "logits": (2.0, 0.0),
    "local": (3.0, 2.0),
    "paper": (10.0, 0.0),
}
_RECOVER = replace(_MUON, epochs=1, max_batch_size=0, lr=0.01, matrix_lr=0.1, min_images=1_920, max_images=8_000)
_RETRAIN = replace(_MUON, epochs=24, min_images=12_800, max_images=128_000)
_POOLING = ("folds", "max_folds", "pooled_images")
_ON_BLOCKS = (*_POOLING, "statistics", "adapts", "flip", "bf16", "student", "method_lrs")
_WHOLE = (*_POOLING, "flip", "bf16", "teacher", "teacher_cycles", "method_lrs")
# Fields that have a part in a method other than NetTailor, in which all have.
_PARTS: Mapping[Method, tuple[str, ...]] = {
    "features": _POOLING,
    "batchnorm": _ON_BLOCKS,
    "parallel-adapters": _ON_BLOCKS,
    "series-adapters": _ON_BLOCKS,
    "dan": _ON_BLOCKS,
    "piggyback": _ON_BLOCKS,
    "packnet": (*_ON_BLOCKS, "owned_share"),
    "lwf": _WHOLE,
    "finetuning": _WHOLE,
}
_SCORE_SHARE = 0.01  # of such a rate, for the scores that masks are learned by (docs/log.md)
# Learning rates that are tried, the middle one alone by `fast` (docs/log.md).
RATES: Mapping[Method, tuple[float, float, float]] = {
    "batchnorm": (0.03, 0.1, 0.3),
    "parallel-adapters": (0.03, 0.1, 0.3),
    "series-adapters": (0.03, 0.1, 0.3),
    "dan": (0.03, 0.1, 0.3),
    "piggyback": (0.03, 0.1, 0.3),
    "packnet": (0.006, 0.02, 0.05),
    "lwf": (0.006, 0.02, 0.05),
    "finetuning": (0.006, 0.02, 0.05),
}


@dataclass(frozen=True, kw_only=True)
class RecipeConfig:
    """How a dataset becomes a bundle (sections 3 and 4.1 of the paper).

    `pooled_images` is the number of validation images below which folds are pooled.
    """

    method: Method = "nettailor"
    skips: int | None = 3  # number of nearest nodes that a node has proxies from; None means all of them
    statistics: StatisticsMode = "task"  # batch-norm statistics of the kept blocks (docs/log.md)
    # The kept blocks' statistics are learned, beyond what the images give (network/norms.py); with a method that only
    # adds to the blocks: whether anything but the classifier is.
    adapts: bool = True
    gamma1: float = 0.3  # weight of the complexity
    gamma1_rise: float = 0.0  # share of the student's steps over which gamma1 rises linearly from 0
    regressed_images: int = 512  # images that proxies are fitted to by least squares at the start; 0: random proxies
    loss: Loss = "logits"  # which form of eq. 11 (nettailor/network/losses.py; docs/log.md)
    gamma2: float | None = None  # weight of the teacher; None means 2, with "local" 3, with "paper" 10, as there
    distillation: float | None = None  # weight of the logits' distance beside eq. 11; None means 0, with "local" 2
    measure: Measure = "macs"  # what C_ij counts
    cost_table: Path | None = None  # JSON of measured milliseconds a path; replaces `measure`
    target_drop: float = 0.005  # accuracy (validation) the student may lose against the teacher
    proxy_threshold: float = 0.15  # proxies with a smaller alpha go (0.05 in the paper; docs/log.md)
    seed: int = 0
    flip: bool | None = None  # mirror training images; None means: if mirrored validation images keep their class
    folds: int | None = None  # None means: as many (at most `max_folds`) as give `pooled_images`
    max_folds: int = 3
    pooled_images: int = 300
    teacher_lrs: tuple[float, ...] = (0.006, 0.05)  # all of them for a whole cycle (docs/log.md)
    teacher_cycles: tuple[int, ...] = ()  # longer cycles, in multiples of the search's, tried while they win
    teacher: Schedule = _TEACHER
    student: Schedule = _STUDENT
    cut: int = 2  # blocks removed at a time on the way down
    method_lrs: tuple[float, ...] | None = None  # that methods other than NetTailor try; None: the method's own
    owned_share: float = 0.25  # of the free weights, that a task of method packnet keeps (docs/log.md)
    recover: Schedule = _RECOVER  # after each cut
    retrain: Schedule = _RETRAIN  # of the networks that may be published
    proxy_dtype: ProxyDtype = "F16"  # of the proxies in bundles: half of their bytes (docs/log.md)
    bf16: bool | None = None  # autocast; None means: where this processor is faster with it
    # budgets: with one, the most accurate network within it is chosen, whatever `target_drop` says
    max_macs: float | None = None  # share of the backbone's MACs; the stem and what the task adds count
    max_latency_ms: float | None = None  # of one image, by `latency_table`
    latency_table: Path | None = None  # JSON of measured milliseconds a path
    max_minutes: float | None = None  # for everything from the teacher to the last candidate

    def __post_init__(self) -> None:
        if self.skips is not None and self.skips < 1:
            raise ValueError(f"skips must be at least 1 or None, not {self.skips}")
        if not 0 <= self.target_drop < 1 or not 0 <= self.proxy_threshold < 1:
            raise ValueError("target_drop and proxy_threshold are shares")
        if (self.max_macs or 1) <= 0 or (self.max_latency_ms or 1) <= 0 or (self.max_minutes or 1) <= 0:
            raise ValueError("budgets are above 0")
        if self.method != "nettailor" and self.has_budget:
            raise ValueError(f"budgets are met by pruning, which method {self.method} does not do")
        if self.method in WHOLE_METHODS and self.max_minutes is not None:
            raise ValueError(f"method {self.method} keeps to no max_minutes")
        if self.max_latency_ms is not None and self.latency_table is None:
            raise ValueError("max_latency_ms needs latency_table")
        if self.loss not in get_args(Loss):
            raise ValueError(f"no loss is called {self.loss}")
        if self.proxy_dtype not in get_args(ProxyDtype):
            raise ValueError(f"proxies are in F32 or F16, not in {self.proxy_dtype}")
        if self.cut < 1:
            raise ValueError(f"cut must be at least 1, not {self.cut}")
        if not self.teacher_lrs or self.method_lrs == ():
            raise ValueError("teacher_lrs and method_lrs need a learning rate")
        if not 0 < self.owned_share <= 1:
            raise ValueError(f"owned_share is a share above 0, not {self.owned_share}")
        if self.folds is not None and self.folds < 1:
            raise ValueError(f"folds must be at least 1, not {self.folds}")
        self._check_training()

    def _check_training(self) -> None:
        """What would else be met hours later, when it is used first."""
        if not all(lr > 0 for lr in (*self.teacher_lrs, *(self.method_lrs or ()))):
            raise ValueError("learning rates are above 0")
        if not all(factor >= 1 for factor in self.teacher_cycles):
            raise ValueError(f"teacher_cycles are multiples, not {list(self.teacher_cycles)}")
        if self.regressed_images < 0:
            raise ValueError(f"regressed_images must be at least 0, not {self.regressed_images}")
        _ = self.student_weights  # which have a check of their own

    @property
    def has_budget(self) -> bool:
        """Whether the network's own size or time is limited."""
        return self.max_macs is not None or self.max_latency_ms is not None

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates that a method other than NetTailor tries."""
        return self.method_lrs if self.method_lrs is not None else RATES.get(self.method, ())

    @property
    def trains_plain(self) -> bool:
        """Whether a network without proxies has more to learn than its classifier."""
        return self.adapts and self.method not in {"nettailor", "features", *WHOLE_METHODS}

    @property
    def plain_run(self) -> str:
        """What kind of run such a network is trained in."""
        if self.method in {"piggyback", "packnet"}:
            return "masks" if self.method == "piggyback" else "weights"
        return "batchnorm" if adapters_of(self.method) is None else "adapters"

    def plain_schedule(self, lr: float) -> Schedule:
        """By which such a network is trained at one of the rates, which is that of adapters' matrices, too; scores of
        masks learn in proportion."""
        if self.method == "piggyback":
            return replace(self.student, lr=lr, matrix_lr=_SCORE_SHARE * lr)
        if self.method == "packnet":  # what decides on its weights is how large they become
            return replace(self.student, lr=lr, matrix_lr=None, weight_decay=0.0)
        if adapters_of(self.method) is None:
            return replace(self.student, lr=lr)
        return replace(self.student, lr=lr, matrix_lr=lr)

    @property
    def student_weights(self) -> LossWeights:
        """Of the full student's loss."""
        gamma2, distillation = _TEACHER_WEIGHTS[self.loss]
        return LossWeights(
            gamma1=self.gamma1,
            gamma2=gamma2 if self.gamma2 is None else self.gamma2,
            distillation=distillation if self.distillation is None else self.distillation,
            gamma1_rise=self.gamma1_rise,
        )

    @property
    def retrain_weights(self) -> LossWeights:
        """Of the loss of networks with blocks removed: without the complexity."""
        return replace(self.student_weights, gamma1=0.0)

    @property
    def compares_nodes(self) -> bool:
        """Whether the teacher's nodes have a part in the loss."""
        return compares_nodes(self.loss) and self.student_weights.gamma2 > 0

    @property
    def wanted(self) -> Wanted:
        """Which of the good networks is published: without a budget, good are those that are accurate enough."""
        return "most accurate" if self.has_budget else "leanest"

    @classmethod
    def preset(cls, name: Preset, **overrides: Any) -> "RecipeConfig":
        """`fast`: a first look in a minute or two; `balanced`: the default; `thorough`: longer cycles, more pooling."""
        config = replace(_PRESETS[name](), **overrides)
        if name == "fast" and config.method_lrs is None and config.method in RATES:
            return replace(config, method_lrs=RATES[config.method][1:2])
        return config

    def changed(self, changes: Mapping[str, Any]) -> "RecipeConfig":
        """A configuration with other values by name; "student.epochs" reaches into a schedule. Values may be as JSON
        has them: a path is a string there, a tuple a list. Raises `ValueError`."""
        values = asdict(self)
        for name, value in changes.items():
            field, _, inner = name.partition(".")
            owner = values.get(field) if inner else values
            if not isinstance(owner, dict) or (inner or field) not in owner:
                raise ValueError(f"the recipe has no {name}")
            owner[inner or field] = value
        try:
            return TypeAdapter(RecipeConfig).validate_python(values)
        except ValidationError as fault:
            raise ValueError("; ".join(map(_in_words, fault.errors()))) from None

    def as_json(self) -> dict[str, Any]:
        """Plain data, for the manifest, of what has a part in the method; limits that are not set are left out."""
        values = asdict(self) | {"method_lrs": list(self.rates), "teacher_cycles": list(self.teacher_cycles)}
        if self.method in _PARTS:
            parts = {name: values[name] for name in _PARTS[self.method]}
            return parts if self.max_minutes is None else parts | {"max_minutes": self.max_minutes}
        weights = self.student_weights
        values["gamma2"], values["distillation"] = weights.gamma2, weights.distillation
        for name in ("max_macs", "max_latency_ms", "latency_table", "max_minutes"):
            if values[name] is None:
                del values[name]
        if self.latency_table is not None:
            values["latency_table"] = self.latency_table.name
        values["cost_table"] = None if self.cost_table is None else self.cost_table.name
        values["teacher_lrs"] = list(self.teacher_lrs)
        del values["seed"], values["method"]  # the manifest has them
        del values["method_lrs"], values["owned_share"], values["proxy_dtype"]
        return values


def _fast() -> RecipeConfig:
    return RecipeConfig(
        teacher_lrs=(0.03,),
        teacher_cycles=(),
        teacher=Schedule(epochs=6, lr=0.03, min_images=4_800, max_images=12_800),
        student=replace(_STUDENT, epochs=4, min_images=4_800, max_images=9_600),
        recover=replace(_RECOVER, min_images=960, max_images=3_200),
        retrain=replace(_RETRAIN, epochs=2, min_images=1_920, max_images=5_120),
        regressed_images=256,
        cut=3,
        folds=1,
    )


def _thorough() -> RecipeConfig:
    return RecipeConfig(
        teacher_lrs=(0.003, 0.01, 0.03, 0.1),
        teacher_cycles=(2, 4),
        teacher=Schedule(epochs=15, lr=0.01, min_images=32_000, max_images=1_280_000),
        student=replace(_STUDENT, epochs=24, min_images=64_000, max_images=1_280_000),
        recover=replace(_RECOVER, epochs=2, min_images=6_400, max_images=128_000),
        retrain=replace(_RETRAIN, epochs=48, min_images=32_000, max_images=640_000),
        cut=1,
        pooled_images=1000,
        max_folds=5,
    )


_PRESETS = {"fast": _fast, "balanced": RecipeConfig, "thorough": _thorough}


def _in_words(error: ErrorDetails) -> str:
    where, message = ".".join(map(str, error["loc"])), error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":  # of a schedule, or of all values together
        return f"{where}: {message}" if where else message
    return f"{where}={error['input']!r}: {message}"


def parsed_change(change: str) -> tuple[str, Any]:
    """The name and the value of a change like "student.epochs=24"; a value that is not JSON is a string."""
    name, _, value = change.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
