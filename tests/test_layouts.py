"""The documentation of the layouts is that of the code."""

from tests.layouts import PAGE, written
from trainer.intake.layouts.registry import LAYOUTS


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    assert PAGE.read_text() == written(PAGE.read_text()), "out of date: run `make docs`"


def test_layouts_have_names_of_their_own() -> None:
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)
