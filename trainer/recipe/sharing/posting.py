"""A run that waits for somebody to carry it out, as JSON."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import torch
from pydantic import TypeAdapter
from torch import nn

from nettailor.complexity.counting import PathCosts
from trainer.recipe.config import RecipeConfig
from trainer.recipe.fold import Fold
from trainer.recipe.sharing.runs import PolishRun, RecoverRun, Run, StudentRun, TeacherRun
from trainer.training.schedule import Schedule

Kind = Literal["teacher", "student", "recover", "polish"]
_KINDS: Mapping[Kind, type[Run[Any]]] = {
    "teacher": TeacherRun,
    "student": StudentRun,
    "recover": RecoverRun,
    "polish": PolishRun,
}


@dataclass(frozen=True, kw_only=True)
class Posting:
    """`name` is the run's, `order` tells which one to take first: the lowest; those above 0 are guesses, which may turn
    out not to be needed. `inputs` names files with the networks
    that the run starts from. Of so many `folds` it is one of the `fold`, counted from 0. `machine`, `backbone` (its
    fingerprint) and `costs` are the job process's own: who has others would train another network."""

    name: str
    order: int
    kind: Kind
    fold: int
    folds: int
    config: RecipeConfig
    flip: bool
    machine: str
    backbone: str
    costs: str
    schedule: Schedule | None = None
    blocks: int | None = None
    inputs: Mapping[str, str]

    @property
    def is_guess(self) -> bool:
        return self.order > 0

    @classmethod
    def of(cls, run: Run[Any], *, order: int, folds: int, backbone: str, inputs: Mapping[str, str]) -> "Posting":
        fold = run.fold
        return cls(
            name=run.name,
            order=order,
            kind=next(kind for kind, cls in _KINDS.items() if type(run) is cls),
            fold=int(fold.folder.name.removeprefix("fold")),
            folds=folds,
            config=fold.config,
            flip=fold.flip,
            machine=machine_in_words(fold.device),
            backbone=backbone,
            costs=digest_of_costs(fold.costs),
            schedule=run.schedule if isinstance(run, TeacherRun) else None,
            blocks=run.blocks if isinstance(run, RecoverRun | PolishRun) else None,
            inputs=inputs,
        )

    def run(self, fold: Fold, inputs: Mapping[str, nn.Module]) -> Run[Any]:
        """The run, in a process that has read the networks."""
        terms = {"schedule": self.schedule, "blocks": self.blocks}
        given: dict[str, Any] = {name: value for name, value in terms.items() if value is not None}
        return _KINDS[self.kind](fold=fold, **given, **inputs)

    def to_json(self) -> bytes:
        return _ADAPTER.dump_json(self)

    @classmethod
    def from_json(cls, data: bytes) -> "Posting":
        """Raises `ValueError`."""
        return _ADAPTER.validate_json(data)


_ADAPTER = TypeAdapter(Posting)


def machine_in_words(device: torch.device) -> str:
    """All of a process on which the bits of a training depend, as far as they are known to."""
    computes = torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else torch.cuda.get_device_name(device)
    release = version("nettailor-server")
    return f"nettailor-server {release}, torch {torch.__version__}, {computes}, {torch.get_num_threads()} threads"


def digest_of_costs(costs: PathCosts) -> str:
    return hashlib.sha256(repr((sorted(costs.blocks.items()), sorted(costs.proxies.items()))).encode()).hexdigest()
