"""Networks of a tailoring in files, for other processes of it: the same bits come back."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nettailor.architecture.plan import Plan
from nettailor.network.backbones import channels_last
from nettailor.network.student import Student
from trainer.recipe.fold import Fold
from trainer.recipe.teacher import Teacher
from trainer.training.fit import write_state


def write_network(path: Path, network: nn.Module, **more: object) -> None:
    """A classifier, a teacher or a student, with plain data beside it. The file is whole or absent. Raises
    `OSError`."""
    saved = {"kind": _kind(network), "plan": _plan_of(network), "state": network.state_dict(), **more}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_state(path, path.with_name(f"{path.name}.{os.getpid()}.part"), saved)


def read_network(path: Path, fold: Fold) -> tuple[Any, dict[str, Any]]:
    """The network, in eval mode, on the fold's device, and all that the file holds."""
    saved: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    network = _empty(saved, fold)
    network.load_state_dict(saved["state"])
    return network.eval(), saved


def _kind(network: nn.Module) -> str:
    if isinstance(network, Student):
        return "student"
    return "teacher" if isinstance(network, Teacher) else "classifier"


def _plan_of(network: nn.Module) -> dict[str, Any] | None:
    if not isinstance(network, Student):
        return None
    return {"blocks": list(network.plan.blocks), "proxies": [list(sources) for sources in network.plan.proxies]}


def _empty(saved: dict[str, Any], fold: Fold) -> nn.Module:
    """A network of the same kind and shape."""
    if saved["kind"] == "student":
        plan = saved["plan"]
        return fold.empty_student(Plan(blocks=tuple(plan["blocks"]), proxies=tuple(map(tuple, plan["proxies"]))))
    if saved["kind"] == "teacher":
        return fold.untrained_teacher()
    rows, columns = saved["state"]["weight"].shape
    return channels_last(nn.Linear(columns, rows)).requires_grad_(False)
