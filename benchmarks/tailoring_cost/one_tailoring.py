"""One tailoring by whichever checkout PYTHONPATH leads to, its CPU time counted; a script, started by `sides`.

It uses nothing but what every checkout has: the recipe's own entry, by either of its addresses. An assignment comes as
JSON in the first argument, the row goes into the assignment's folder. The script ends when its standard input does,
which is when the process that started it ends.
"""

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

# Where a name is found: in this checkout, and in those of before the packages had folders.
_ADDRESSES = {
    "RecipeConfig": ("trainer.recipe.config", "trainer.recipe_config"),
    "load_backbone": ("nettailor.network.backbones", "nettailor.backbones"),
    "tailor": ("trainer.recipe.pipeline", "trainer.recipe"),
}


def _find(name: str) -> Any:
    now, before = _ADDRESSES[name]
    try:
        return getattr(import_module(now), name)
    except ModuleNotFoundError:
        return getattr(import_module(before), name)


class _Counter:
    """CPU seconds, user and system, of this process and of its children that have ended, on top of those of an earlier
    attempt; and how many of them had gone by when the teacher was found."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = json.loads(path.read_text()) if path.exists() else {"cpu_seconds": 0.0}
        self._started = self._used()
        self.finetuning: float | None = self._before.get("finetuning_cpu_seconds")

    @property
    def seconds(self) -> float:
        return float(self._before["cpu_seconds"]) + self._used() - self._started

    def hear(self, event: Any) -> None:
        if event.kind == "stage" and event.stage == "student" and self.finetuning is None:
            self.finetuning = self.seconds
        _write(self._path, self.figures())

    def figures(self) -> dict[str, Any]:
        return {"cpu_seconds": self.seconds, "finetuning_cpu_seconds": self.finetuning}

    def _used(self) -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime


def _write(path: Path, content: Mapping[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    part.replace(path)


def _tailor(assignment: Mapping[str, Any]) -> dict[str, Any]:
    folder = Path(assignment["folder"])
    backbone = _find("load_backbone")(assignment["backbone"])
    config = _find("RecipeConfig").preset(assignment["preset"], seed=assignment["seed"]).changed(assignment["recipe"])
    counter = _Counter(folder / "spent.json")
    tailored = _find("tailor")(
        "benchmark",
        Path(assignment["dataset"]),
        config,
        backbone=backbone,
        report=counter.hear,
        checkpoints=folder / "checkpoints",
    )
    metrics, complexity = tailored.manifest.metrics, tailored.manifest.complexity
    return {
        **counter.figures(),
        "teacher_accuracy": metrics.teacher.test,
        "test_accuracy": metrics.student.test,
        "blocks_removed": tailored.manifest.plan.blocks.count(False),
        "params_removed": complexity.net_params_removed,
        "macs_removed": complexity.net_macs_removed,
    }


def _end_with_parent() -> None:
    def watch() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    assignment = json.loads(sys.argv[1])
    _end_with_parent()
    found = Path(import_module("trainer").__file__ or "").resolve()
    if not found.is_relative_to(Path(assignment["checkout"]).resolve()):
        raise SystemExit(f"the recipe was found in {found}, not in {assignment['checkout']}")
    _write(Path(assignment["folder"]) / "row.json", _tailor(assignment))


if __name__ == "__main__":
    main()
