from pydantic_core import to_json

from server.http.schemas import Prediction, Predictions
from server.prediction.answer import Answer
from server.residency.tiers import Tier


def _answer(task: str) -> Answer:
    return Answer(
        task=task,
        version=3,
        digest="sha256:00",
        classes=["caf\u00e9", "tea"],
        rankings=[[(1, 0.75), (0, 0.25)], [(0, 1.0)]],
        tier=Tier.DISK,
        switch_s=0.0123456,
        queue_s=0.0,
        inference_s=1e-7,
    )


def test_what_is_told_is_what_the_schema_says_member_by_member() -> None:
    one = to_json(Prediction.told(_answer("drinks")))
    assert Prediction.model_validate_json(one).model_dump_json().encode() == one
    several = to_json(Predictions.told([_answer("drinks"), _answer("cups")]))
    assert Predictions.model_validate_json(several).model_dump_json().encode() == several
