from cli.render.predictions import predictions_table, switch_p50
from tests.cli.render.shown import shown

_ANSWER = {
    "task": "signs",
    "version": 3,
    "predictions": [[{"label": "stop", "probability": 0.98}, {"label": "go", "probability": 0.02}]],
    "tier": "device",
    "switch_ms": 0.0213,
    "inference_ms": 7.94,
}


def test_a_row_an_image_and_one_for_each_further_class() -> None:
    text = shown(predictions_table([("a.png", _ANSWER)]))
    for part in ("a.png", "signs v3", "stop", "0.980", "go", "0.020", "0.021 ms", "7.9 ms", "device"):
        assert part in text


def test_the_median_switch() -> None:
    assert switch_p50([{"switch_ms": 3.0}, {"switch_ms": 1.0}, {"switch_ms": 2.0}]) == 2.0
