"""Unknown members are refused by name, and all at once where naming them would take long; values by their type."""

from typing import Any

import pytest
from pydantic import ValidationError

from hosting.web.json_body import JsonBody


class Small(JsonBody):
    name: str = ""
    count: int | None = None
    share: float = 0.0
    sure: bool = False


@pytest.mark.parametrize(("members", "faults"), [(1, 1), (20, 20), (5_000, 1)])
def test_unknown_members_are_refused(members: int, faults: int) -> None:
    with pytest.raises(ValidationError) as refused:
        Small.model_validate({f"m{number}": 0 for number in range(members)})
    assert refused.value.error_count() == faults


def test_what_is_known_is_taken() -> None:
    assert Small.model_validate({"name": "a"}).name == "a"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", 1),
        ("name", True),
        *(("count", odd) for odd in (True, 1.0, "1")),
        *(("share", odd) for odd in (True, "0.5")),
        *(("sure", odd) for odd in (1, 0.0, "true", "yes")),
    ],
)
def test_a_value_of_another_type_is_refused(member: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        Small.model_validate({member: value})
    assert [fault["loc"] for fault in refused.value.errors()] == [(member,)]


def test_an_integer_is_a_number_and_null_is_where_it_may_be() -> None:
    assert Small.model_validate({"share": 1, "count": None, "sure": True}).share == 1.0
