"""What a prediction answers with, whatever it travels over (torch-free)."""

from collections.abc import Sequence
from dataclasses import dataclass

from server.residency.tiers import Tier
from server.scheduling.work import Ranking


@dataclass(frozen=True, kw_only=True)
class Label:
    """One class and how likely it is."""

    label: str
    index: int  # of the class, in the bundle's order
    probability: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One task's answer, and what it cost."""

    task: str
    version: int
    digest: str  # of the bundle that answered
    classes: Sequence[str]  # of the bundle, in its order
    rankings: Sequence[Ranking]  # one an image
    tier: Tier  # where the bundle was when the request came
    switch_s: float  # until the bundle was ready to run
    queue_s: float  # waiting for the engine
    inference_s: float  # in the engine, the whole batch

    @property
    def predictions(self) -> list[list[Label]]:
        """One list an image, best first."""
        return [[Label(label=self.classes[i], index=i, probability=p) for i, p in ranking] for ranking in self.rankings]
