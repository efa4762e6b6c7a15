"""What the targets of one request that share preprocessing hold until their answers are there."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hosting.telemetry import tracing
from nettailor.bundle.preprocessing import Preprocessing
from server.engine.adapters import Adapter
from server.prediction.answer import Answer, Label
from server.prediction.routing import ResolvedVersion
from server.scheduling.work import Outcome, Ranking


@dataclass(kw_only=True, eq=False)
class RequestGroup:
    """Leases of its targets' bundles, and room in the queue. Its images are prepared once and run in one batch."""

    preprocessing: Preprocessing
    places: list[int] = field(default_factory=list)  # of its targets within the request
    resolved: list[ResolvedVersion[Adapter]] = field(default_factory=list)
    admitted: int = 0  # images
    submitted: bool = False

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(target.record.task for target in self.resolved)

    def add(self, place: int, target: ResolvedVersion[Adapter]) -> None:
        self.places.append(place)
        self.resolved.append(target)

    def answers(self, outcome: Outcome) -> list[tuple[int, Answer]]:
        """Each with its target's place within the request."""
        return [
            (place, _answer(target, [rankings[part] for rankings in outcome.rankings], outcome))
            for part, (place, target) in enumerate(zip(self.places, self.resolved, strict=True))
        ]

    def trace(self, outcome: Outcome) -> None:
        """What was measured, as spans of the request: a batch, the wait for it, the switches of its tasks. They are
        laid end to end; bundles load while images are decoded, so a switch may have begun earlier than shown."""
        began = tracing.record("batch", outcome.inference_s, about={"nettailor.tasks": ",".join(self.tasks)})
        began = tracing.record("queue", outcome.queue_s, ended_ns=began)
        for target in self.resolved:
            about: tracing.Attributes = {
                "nettailor.task": target.record.task,
                "nettailor.version": target.record.version,
                "nettailor.tier": str(target.lease.tier),
            }
            tracing.record("switch", target.lease.switch_s, ended_ns=began, about=about)


def _answer(target: ResolvedVersion[Adapter], rankings: Sequence[Ranking], outcome: Outcome) -> Answer:
    record, lease = target.record, target.lease
    classes = record.manifest.classes
    return Answer(
        task=record.task,
        version=record.version,
        digest=record.digest,
        predictions=[[Label(label=classes[i], index=i, probability=p) for i, p in ranking] for ranking in rankings],
        tier=lease.tier,
        switch_s=lease.switch_s,
        queue_s=outcome.queue_s,
        inference_s=outcome.inference_s,
    )
