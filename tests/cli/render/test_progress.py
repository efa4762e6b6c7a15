import io
import re

import pytest
from rich.console import Console

from cli.console import PlainConsole
from cli.render.progress import JobBars, candidate, duration, figures
from nettailor.printable import printable
from nettailor_client.answers.jobs import Event


def _event(kind: str, **data: object) -> Event:
    return Event.model_validate({"kind": kind, **data})


def test_the_figures_of_an_epoch() -> None:
    data = {"epoch": 3, "epochs": 8, "loss": 0.51234, "accuracy": 0.9125}
    assert figures(data) == "epoch 3/8  loss 0.512  accuracy 91.2%"
    assert figures(data | {"validated_on": 80}) == "epoch 3/8  loss 0.512  accuracy 91% [83, 96]"


def test_missing_figures_are_left_out() -> None:
    assert figures({"epoch": 3, "loss": None, "seconds_left": None}) == "epoch 3"
    assert figures({}) == ""


def test_durations() -> None:
    assert [duration(s) for s in (0, 59.6, 3599, 3661)] == ["0:00", "1:00", "59:59", "1:01:01"]


def test_without_a_terminal_each_stage_and_each_tenth_of_the_job_is_one_line() -> None:
    written = io.StringIO()
    with JobBars(Console(file=written, width=80)) as bars:
        bars.add("digits")
        bars.update("digits", _event("stage", stage="teacher", progress=0.1))
        for progress in (0.12, 0.19, 0.21, 0.28):
            fields = {"epoch": 1, "seconds_left": 100 * (1 - progress)}
            bars.update("digits", _event("epoch", stage="teacher", progress=progress, fields=fields))
        bars.update("digits", _event("stage", stage="student", progress=0.29, fields={"seconds_left": 71}))
        bars.update("digits", _event("state", stage="publish", progress=1.0, fields={"state": "succeeded"}))
    assert written.getvalue().splitlines() == [
        "digits: teacher, 10%",
        "digits: teacher, 21%, 1:19 left",
        "digits: student, 29%, 1:11 left",
        "digits: succeeded",
    ]


def test_on_a_terminal_of_80_columns_the_bar_shows_stage_time_left_and_figures() -> None:
    written = io.StringIO()
    epoch = {"epoch": 12, "epochs": 25, "loss": 1.0, "accuracy": 0.5, "validated_on": 200, "seconds_left": 4000}
    with JobBars(Console(file=written, width=80, force_terminal=True)) as bars:
        bars.add("traffic-signs")
        bars.update("traffic-signs", _event("epoch", stage="student", progress=0.42, fields=epoch))
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.getvalue())
    for part in ("42%", "student", "1:06:40 left", "traffic-signs: epoch 12/25  loss 1.000  accuracy 50% [43, 57]"):
        assert part in text


SIX = {"k": 6, "accuracy": 0.912, "teacher_accuracy": 0.91, "params_removed": 0.43, "macs_removed": 0.3, "best": 6}
NINE = {"k": 9, "accuracy": 0.8, "teacher_accuracy": 0.91, "params_removed": 0.6, "macs_removed": 0.5, "best": 6}
OF_SIX = "6 blocks removed, accuracy 91.2% (teacher 91.0%), parameters -43%, MACs -30%"
OF_NINE = "9 blocks removed, accuracy 80.0% (teacher 91.0%), parameters -60%, MACs -50%"


def test_a_candidate_in_one_line() -> None:
    assert candidate(SIX) == OF_SIX
    assert "accuracy 91% [84, 95] (teacher 91% [84, 95])" in candidate(SIX | {"validated_on": 112})
    assert candidate({"k": 6, "accuracy": 0.912}) == "6 blocks removed, accuracy 91.2%"


def test_what_costs_more_than_the_backbone_is_said_to() -> None:
    more = {"k": 1, "params_removed": -0.02, "macs_removed": -0.13}
    assert candidate(more) == "1 blocks removed, parameters +2%, MACs +13%"


def test_without_a_terminal_each_candidate_is_one_line_once() -> None:
    written = io.StringIO()
    with JobBars(Console(file=written, width=120)) as bars:
        bars.add("digits")
        for fields in (SIX, NINE, SIX):  # the third is told after a break
            bars.update("digits", _event("candidate", stage="retrain", progress=0.5, fields=fields))
    assert written.getvalue().splitlines() == [f"digits: {OF_SIX}", "digits: retrain, 50%", f"digits: {OF_NINE}"]


def test_on_a_terminal_the_best_candidate_so_far_is_below_the_bar_until_the_end() -> None:
    with JobBars(Console(file=io.StringIO(), width=140, force_terminal=True)) as bars:
        bars.add("digits")
        for fields in (SIX, NINE):
            bars.update("digits", _event("candidate", stage="retrain", progress=0.5, fields=fields))
        assert f"digits, best so far: {OF_SIX}" in _shown(bars)
        bars.update("digits", _event("state", stage="publish", progress=1.0, fields={"state": "succeeded"}))
        assert "best so far" not in _shown(bars)


def _shown(bars: JobBars) -> str:
    written = io.StringIO()
    Console(file=written, width=140).print(bars._progress.get_renderable())
    return written.getvalue()


@pytest.mark.parametrize("name", ["[f]", "[/x]", ":cat:", "{task.id}", "a\n\x1b[9Ab"])
def test_names_in_bars_are_text(name: str) -> None:
    plain, live = io.StringIO(), io.StringIO()
    shown = printable(name)
    for written, options in ((plain, {}), (live, {"force_terminal": True})):
        with JobBars(PlainConsole(file=written, width=120, **options)) as bars:
            bars.add(name)
            bars.update(name, _event("stage", stage=name, progress=0.1))
    assert plain.getvalue() == f"{shown}: {shown}, 10%\n"
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", live.getvalue())
    assert text.count(shown) >= 2
    assert "\x1b[9A" not in live.getvalue()


def test_a_service_that_is_away_is_told_and_forgotten() -> None:
    written = io.StringIO()
    with JobBars(Console(file=written, width=80)) as bars:
        bars.add("digits")
        bars.update("digits", _event("stage", stage="teacher", progress=0.1))
        bars.wait("digits")
        bars.wait("digits")
        bars.update("digits", _event("epoch", stage="teacher", progress=0.2))
    assert written.getvalue().splitlines() == [
        "digits: teacher, 10%",
        "digits: waiting for the service",
        "digits: teacher, 20%",
    ]


def test_figures_belong_to_their_stage() -> None:
    with JobBars(Console(file=io.StringIO(), width=140, force_terminal=True)) as bars:
        bars.add("digits")
        bars.update("digits", _event("epoch", stage="teacher", fields={"epoch": 15, "epochs": 15}))
        assert "epoch 15/15" in _shown(bars)
        bars.update("digits", _event("stage", stage="student"))
        assert "epoch" not in _shown(bars)


def test_where_a_queued_job_stands_is_told_until_it_is_begun() -> None:
    written = io.StringIO()
    with JobBars(Console(file=written, width=80)) as bars:
        bars.add("digits")
        for text in ("2 jobs ahead", "2 jobs ahead", "next in the queue"):
            assert bars.is_queued("digits")
            bars.show_place("digits", text)
        bars.update("digits", _event("stage", stage="intake"))
        assert not bars.is_queued("digits")
        bars.update("digits", _event("state", stage="intake", fields={"state": "queued"}))
        assert bars.is_queued("digits")
    lines = ["digits: queued, 2 jobs ahead", "digits: queued, next in the queue", "digits: intake", "digits: queued"]
    assert written.getvalue().splitlines() == lines
