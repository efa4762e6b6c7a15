"""Stochastic depth in the student's training (Huang et al., 2016): steps that some blocks are left out of.

Proxies that have carried a node by themselves now and then lose less when its block is removed for good.
"""

import torch

from nettailor.network.student import Student
from trainer.training.fit import seeded

_BEGIN, _END = 0.3, 0.9  # of the training: alphas are not known before, and what is kept is trained as it is in the end
_SURE_ALPHA = 0.6  # of blocks that are hardly among those that will be removed


class StochasticDepth:
    """Leaves a block of low alpha, at a node that has proxies, out of a step with the probability `share`."""

    def __init__(self, student: Student, share: float, *key: int | str) -> None:
        """What is drawn depends on the key and on the progress alone."""
        self._student = student
        self._share = share
        self._key = key

    def left_out(self, progress: float) -> frozenset[int]:
        """The nodes whose blocks a step is to do without, at a progress of 0..1 of all steps."""
        if self._share == 0 or not _BEGIN < progress < _END:
            return frozenset()
        generator = seeded(*self._key, "stochastic depth", f"{progress:.9f}")
        drawn = torch.rand(self._student.plan.depth, generator=generator).tolist()
        return frozenset(node for node in self._weak() if drawn[node - 1] < self._share)

    def _weak(self) -> list[int]:
        student, plan = self._student, self._student.plan
        nodes = (node for node in plan.nodes() if plan.keeps_block(node) and plan.sources(node))
        return [node for node in nodes if float(student.alpha(node)[0].detach()) <= _SURE_ALPHA]
