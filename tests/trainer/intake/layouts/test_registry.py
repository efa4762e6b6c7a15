"""Which layout an upload is read as."""

from dataclasses import dataclass

import pytest

from trainer.intake.layouts import registry
from trainer.intake.layouts.layout import Reading, Recognition
from trainer.intake.upload import Upload


@dataclass(frozen=True)
class Sure:
    name: str
    confidence: float | None
    seen_from: str = "a test"
    reads: str = "nothing"

    def recognise(self, _upload: Upload) -> Recognition | None:
        return None if self.confidence is None else Recognition(confidence=self.confidence, why="it says so")

    def read(self, _upload: Upload) -> Reading:
        return Reading(placements={})


@pytest.mark.parametrize(
    ("confidences", "chosen"),
    [([0.5, 0.8, 0.1], 1), ([0.5, None, 0.5], 0), ([None, 0.1], 1), ([None], None), ([], None)],
)
def test_the_surest_is_taken_and_of_equals_the_first(
    confidences: list[float | None], chosen: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    layouts = tuple(Sure(str(number), confidence) for number, confidence in enumerate(confidences))
    monkeypatch.setattr(registry, "LAYOUTS", layouts)
    found = registry.choose(Upload(images=()))
    assert (None if found is None else found[0]) == (None if chosen is None else layouts[chosen])
