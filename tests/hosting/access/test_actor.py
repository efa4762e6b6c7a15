"""An actor that is empty or blank is none."""

import pytest

from hosting.access.actor import ANONYMOUS, actor_named


@pytest.mark.parametrize("text", ["", " ", "\t \u00a0"])
def test_a_blank_one_is_nobody_in_particular(text: str) -> None:
    assert actor_named(text) == ANONYMOUS


def test_a_name_is_kept_as_it_is() -> None:
    assert actor_named("ada of the lab") == "ada of the lab"
