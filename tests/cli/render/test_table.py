"""How values are written, and that what others named is shown as it is, in one line, whatever it is."""

import io

import pytest
from rich.console import Console, RenderableType

from cli.console import PlainConsole
from cli.render.jobs import jobs_table
from cli.render.policy import policy_table
from cli.render.predictions import predictions_table
from cli.render.table import minute, new_table, pairs, size
from cli.render.tasks import tasks_table
from cli.render.versions.comparison import comparison_table
from cli.render.versions.history import history_table
from cli.render.versions.lineage import lineage_table
from cli.render.versions.versions import versions_table
from nettailor.printable import printable
from tests.answers import AT, comparison, entry, job, lineage, policy, prediction, task, version

NAMES = ["[f]", "[/x]", "[bold]b[/bold]", ":cat:", "a\nb", "a\x1b[1Ab", "\u202egnp.exe"]


def test_how_values_are_written() -> None:
    assert (size(52_300), size(6_100_000)) == ("52.3 KB", "6.10 MB")
    assert minute("2026-11-23T06:05:00.000000+00:00") == "2026-11-23 06:05"
    assert pairs({"b": "2", "a": "1"}, "=") == "a=1, b=2"


def _shown(table: RenderableType, console: type[Console] = Console) -> str:
    written = io.StringIO()
    console(width=400, file=written).print(table)
    return written.getvalue()


def _tables(name: str) -> dict[str, RenderableType]:
    told = {"tags": {name: name}, "note": name}
    live = [{"since": AT, "until": None}, {"since": AT, "until": AT}]
    from_where = {"digest": name, "actor": name, "job": name, "dataset": name, "libraries": {name: name}}
    backbone = {"id": name, "fingerprint": name}
    of_name = lineage(task=name, live=live, backbone=backbone, recipe={name: 1}, aliases=[name], **from_where, **told)
    annotated = entry(kind="annotated", actor=name, reason=name, version=1, **told)
    return {
        "predictions": predictions_table([(name, prediction((name, 0.98), (f"{name} too", 0.02), task=name))]),
        "tasks": tasks_table([task(task=name, latest=4, aliases={name: 3})]),
        "jobs": jobs_table([job(task=name, state="failed", error={"detail": name})]),
        "versions": versions_table(name, [version(**told)], {name: 1}),
        "history": history_table(name, [annotated]),
        "lineage": lineage_table(of_name),
        "comparison": comparison_table(comparison(task=name, dataset=name, measured_on=name)),
        "policy": policy_table(policy(task=name, policy={"min_accuracy": 0.5}, at="")),
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", list(_tables("x")))
def test_names_of_others(kind: str, name: str) -> None:
    """On any console, with as many lines as a harmless name has."""
    text = _shown(_tables(name)[kind])
    assert printable(name) in text
    assert name in text or printable(name) != name
    assert len(text.splitlines()) == len(_shown(_tables("harmless")[kind]).splitlines())
    assert "\x1b" not in text


def test_a_title_is_one_line_of_text() -> None:
    text = _shown(new_table("Versions of [/x]\n\x1b[2J", "a column that is wide enough"))
    assert text.splitlines()[0].rstrip() == "Versions of [/x]\\n\\x1b[2J"


def test_who_changed_a_policy_is_text() -> None:
    text = _shown(policy_table(policy(at=AT, actor="a\n[/x]")), PlainConsole)
    assert "last changed 2026-11-28 19:00 by a\\n[/x]" in " ".join(text.split())


def test_the_times_a_version_was_live_have_a_line_each() -> None:
    text = _shown(_tables("x")["lineage"])
    assert sum("2026-11-28 19:00 to " in line for line in text.splitlines()) == 2


def test_a_comparison_tells_the_difference_to_the_first_in_points() -> None:
    text = _shown(comparison_table(comparison()))
    for shown in ("90% [85, 94]", "+5.0 [-1.0, +11.0]", "1.50 M", "42.0 M", "3.21", "95% intervals"):
        assert shown in text
