"""Tables on a terminal of 80 columns: nothing is cut off, ids and figures stay whole."""

import io

import pytest
from rich.console import Console, RenderableType

from cli.render.figures import Figures, figures_table
from cli.render.jobs import jobs_table
from cli.render.predictions import predictions_table
from cli.render.tasks import tasks_table
from cli.render.versions.comparison import comparison_table
from cli.render.versions.front import front_table
from cli.render.versions.history import history_table
from cli.render.versions.lineage import lineage_table
from cli.render.versions.versions import versions_table
from tests.answers import AT, comparison, entry, job, lineage, prediction, task, version

_LONG = "flower-varieties-of-northern-europe"
_DIGEST = "sha256:0123456789abcdef" + 48 * "0"
_JOB = "4a401dab9d7970c25fd1729653796e5f"
_REASON = "the data set has one class only, and there is nothing to tell it from; add images of another"
_POINT = {"k": 12, "accuracy": 0.9012, "test_accuracy": 0.8876, "cost": 1.012, "macs_removed": -0.125}
_MEASURED = {"validated_on": 112, "test_accuracy": 0.8938, "tested_on": 5000}
_WHOLE_POINT = _POINT | _MEASURED | {"params_removed": 0.4, "size_bytes": 999_900, "version": 123}
_ITS_PARTS = ("90%", "[83, 94]", "89.4%", "[88.5, 90.2]", "101.2%", "+12.5%", "-40.0%", "999.9 KB", "chosen", "123")

_RECIPE = {"cut": 3, "bf16": True, "flip": None, "student": {"lr": 0.02}}

_TABLES: dict[str, tuple[RenderableType, tuple[str, ...]]] = {
    "jobs": (
        jobs_table(
            [
                job(
                    id=_JOB,
                    task=_LONG,
                    state="failed",
                    priority="high",
                    progress=1,
                    created_at=AT,
                    error={"detail": _REASON},
                ),
                job(id="b" * 32, task=_LONG, state="succeeded", progress=1, created_at=AT, result={"version": 1234}),
                job(id="c" * 32, task=_LONG, state="running", stage="retrain", progress=0.5, created_at=AT),
            ]
        ),
        ("4a401dab", "succeeded", "100%", "2026-11-28 19:00", "version 1234", "retrain", "high", "normal"),
    ),
    "tasks": (tasks_table([task(task=_LONG, method="nettailor", latest=1234, aliases={"live": 3})]), (_LONG, "1234")),
    "versions": (
        versions_table(
            _LONG, [version(version=1234, size_bytes=123_456_789, note=_REASON, test_images=70)], {"candidate": 1234}
        ),
        ("1234", "candidate", "nettailor", "90% [81, 95]", "+0.0%", "123.46 MB", "2026-11-28 19:00"),
    ),
    "history": (history_table(_LONG, [entry(sequence=123, actor="ann", version=12, reason=_REASON)]), ("123", "ann")),
    "lineage": (
        lineage_table(lineage(digest=_DIGEST, dataset=_DIGEST, job=_JOB, recipe=_RECIPE)),
        ("0123456789ab", "4a401dab", "bf16 yes; cut 3; student: lr 0.02"),
    ),
    "comparison": (comparison_table(comparison(task=_LONG, dataset=_DIGEST)), ("+5.0 [-1.0, +11.0]", "42.0 M")),
    "front": (
        front_table(_LONG, 12, [_WHOLE_POINT | {"good": True, "pareto": True, "chosen": True}]),
        _ITS_PARTS,
    ),
    "figures": (
        figures_table(
            [
                Figures(
                    task=_LONG,
                    teacher_accuracy=1.0,
                    student_accuracy=0.98,
                    macs_removed=-0.13,
                    params_removed=0.4,
                    bundle_bytes=52_300,
                    full_model_bytes=123_456_789,
                )
            ]
        ),
        ("100.0%", "98.0%", "+13.0%", "-40.0%", "52.3 KB", "123.46 MB"),
    ),
    "predictions": (
        predictions_table([("a/b/" + "c" * 60 + ".png", prediction(("stop", 0.98), ("go", 0.02), task=_LONG))]),
        ("0.980", "0.020", "device", "0.021 ms", "7.9 ms"),
    ),
}


@pytest.mark.parametrize("kind", list(_TABLES))
def test_a_table_fits_80_columns_and_its_figures_stay_whole(kind: str) -> None:
    table, parts = _TABLES[kind]
    written = io.StringIO()
    Console(width=80, file=written).print(table)
    text = written.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for part in parts:
        assert part in text


def test_reasons_are_below_and_wrapped_between_words() -> None:
    written = io.StringIO()
    Console(width=80, file=written).print(_TABLES["jobs"][0])
    table, below = written.getvalue().split("\n\n")
    assert _REASON[:20] not in table
    assert " ".join(below.split()) == f"4a401dab {_REASON}"


def test_figures_are_aligned() -> None:
    written = io.StringIO()
    shown = tasks_table([task(task="a", latest=7), task(task="b", latest=1234)])
    Console(width=80, file=written).print(shown)
    first, second = written.getvalue().splitlines()[-2:]
    assert first.index("7") == second.index("1234") + 3


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (jobs_table([]), "no jobs"),
        (tasks_table([]), "no tasks yet"),
        (versions_table("signs", [], {}), "no such versions of signs"),
        (front_table("signs", 1, []), "this version has no front"),
    ],
)
def test_empty_tables_say_so(table: RenderableType, said: str) -> None:
    written = io.StringIO()
    Console(width=80, file=written).print(table)
    assert written.getvalue().startswith(said)
