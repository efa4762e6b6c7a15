"""docs/architecture.md has every folder and every file as they are."""

from tests.architecture import PAGE, written


def test_the_tables_are_what_the_modules_say_of_themselves() -> None:
    assert PAGE.read_text() == written(PAGE.read_text()), "out of date: run `make docs`"
