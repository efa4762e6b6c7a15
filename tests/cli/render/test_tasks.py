from cli.render.tasks import tasks_table
from tests.answers import task
from tests.cli.render.shown import shown


def test_aliases_are_listed_by_name() -> None:
    text = shown(tasks_table([task(latest=4, aliases={"live": 3, "candidate": 4})]))
    assert "candidate -> 4, live -> 3" in text


def test_the_method_is_shown() -> None:
    assert "batchnorm" in shown(tasks_table([task(method="batchnorm")]))
