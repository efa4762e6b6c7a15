"""The folder beside the checkpoints of a tailoring where its process posts runs for others to carry out.

`<fold>.<run>.json` is a posting, `<fold>.<run>.epochs` has a line for each epoch that another process has trained,
`<fold>.<run>.network` is what came of it. The lock of a run is beside its checkpoint: whoever trains it holds it, so
that one process does at a time; the kernel lets go of it however that process ends.
"""

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from hosting.processes.file_lock import FileLock
from nettailor.durable import write_durably
from trainer.recipe.fold import Fold
from trainer.recipe.sharing.networks import read_network, write_network
from trainer.recipe.sharing.posting import Posting, machine_in_words
from trainer.training.fit import Epoch


class Board:
    """`checkpoints` is the tailoring's folder. Runs are told by their name, "<fold>/<run>"."""

    def __init__(self, checkpoints: Path) -> None:
        self._checkpoints = checkpoints
        self._folder = checkpoints / "shared"

    def lock(self, run: str) -> FileLock:
        return FileLock(self._checkpoints / f"{run}.lock")

    @property
    def is_there(self) -> bool:
        """Whether there may be something to do, now or later."""
        return self._folder.is_dir()

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def forget_attempt(self) -> None:
        """What an earlier one left: postings, which another release may have made; outcomes and epochs, which a full
        disk or a power failure may have cut short. Their runs' checkpoints are there."""
        for kind in ("json", "network", "epochs"):
            for path in self._folder.glob(f"*.{kind}"):
                path.unlink(missing_ok=True)

    def post(self, posting: Posting) -> None:
        write_durably(self._path(posting.name, "json"), [posting.to_json()])

    def withdraw(self, run: str) -> None:
        self._path(run, "json").unlink(missing_ok=True)

    def has(self, run: str) -> bool:
        return self._path(run, "json").exists()

    def postings(self) -> list[Posting]:
        """In the order in which they are to be taken."""
        found = []
        for path in self._folder.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):  # it was withdrawn meanwhile
                found.append(Posting.from_json(path.read_bytes()))
        return sorted(found, key=lambda posting: posting.order)

    def write_input(self, run: str, role: str, network: nn.Module) -> str:
        """The name of the file that has the network then."""
        path = self._path(run, role)
        write_network(path, network)
        return path.name

    def read_input(self, name: str, fold: Fold) -> nn.Module:
        network: nn.Module = read_network(self._folder / name, fold)[0]
        return network

    def write_outcome(self, run: str, fold: Fold, network: nn.Module, history: Sequence[Epoch]) -> None:
        epochs = [asdict(epoch) for epoch in history]
        write_network(self._path(run, "network"), network, history=epochs, machine=machine_in_words(fold.device))

    def has_outcome(self, run: str) -> bool:
        return self._path(run, "network").exists()

    def take_outcome(self, run: str, fold: Fold) -> tuple[Any, list[Epoch]] | None:
        """The trained network and its epochs, once; None where there is none, or one of another kind of machine. It is
        in the run's checkpoint, too."""
        path = self._path(run, "network")
        if not path.exists():
            return None
        network, saved = read_network(path, fold)
        path.unlink()
        if saved["machine"] != machine_in_words(fold.device):
            return None
        return network, [Epoch(**epoch) for epoch in saved["history"]]

    def tell(self, run: str, epochs: int, epoch: Epoch) -> None:
        """An epoch, of so many `epochs` of the run, has been trained. Where the board is gone nobody wants to know."""
        with contextlib.suppress(FileNotFoundError), self._path(run, "epochs").open("a") as file:
            file.write(json.dumps({"epochs": epochs, "epoch": asdict(epoch)}) + "\n")

    def told(self, run: str, after: int) -> Iterator[tuple[int, Epoch]]:
        """What was told of the run after the first so many."""
        with contextlib.suppress(FileNotFoundError):
            for line in self._path(run, "epochs").read_text().splitlines(keepends=True)[after:]:
                if line.endswith("\n"):  # else it is being written
                    said = json.loads(line)
                    yield said["epochs"], Epoch(**said["epoch"])

    def _path(self, run: str, suffix: str) -> Path:
        return self._folder / f"{run.replace('/', '.')}.{suffix}"
