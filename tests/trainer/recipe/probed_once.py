"""What linear probes of the same features come to is found once a process."""

import contextlib
import copy
import hashlib
from collections.abc import Hashable, Iterator
from unittest.mock import patch

from torch import Tensor, nn

from trainer.recipe.teachers import search
from trainer.recipe.teachers.linear_probe import fit_linear_probe

_KNOWN: dict[Hashable, nn.Linear] = {}


@contextlib.contextmanager
def probed_once() -> Iterator[None]:
    """Searches for a teacher herein take the probes that an earlier one has fitted to the same features: the same data
    give the same bits, and the tests' one tiny task has them fitted in every tailoring, for a sixth of its time."""
    with patch.object(search, "fit_linear_probe", _known):
        yield


def _known(features: Tensor, labels: Tensor, classes: int, *, penalty: float) -> nn.Linear:
    data = hashlib.sha256(features.numpy().tobytes() + labels.numpy().tobytes()).digest()
    task = (data, tuple(features.shape), classes, penalty)
    if task not in _KNOWN:
        _KNOWN[task] = fit_linear_probe(features, labels, classes, penalty=penalty)
        return copy.deepcopy(_KNOWN[task])
    head = nn.Linear(features.shape[1], classes)  # draws as many random numbers as a fit does
    head.load_state_dict(_KNOWN[task].state_dict())
    return head.requires_grad_(False)
