from cli.render.predictions import predictions_table, switch_p50
from tests.answers import prediction
from tests.cli.render.shown import shown

_ANSWER = prediction(("stop", 0.98), ("go", 0.02))


def test_a_row_an_image_and_one_for_each_further_class() -> None:
    text = shown(predictions_table([("a.png", _ANSWER)]))
    for part in ("a.png", "signs v3", "stop", "0.980", "go", "0.020", "0.021 ms", "7.9 ms", "device"):
        assert part in text


def test_the_median_switch() -> None:
    assert switch_p50([prediction(switch_ms=ms) for ms in (3.0, 1.0, 2.0)]) == 2.0
