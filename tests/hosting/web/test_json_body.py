"""Unknown members are refused by name, and all at once where naming them would take long."""

import pytest
from pydantic import ValidationError

from hosting.web.json_body import JsonBody


class Small(JsonBody):
    name: str = ""


@pytest.mark.parametrize(("members", "faults"), [(1, 1), (20, 20), (5_000, 1)])
def test_unknown_members_are_refused(members: int, faults: int) -> None:
    with pytest.raises(ValidationError) as refused:
        Small.model_validate({f"m{number}": 0 for number in range(members)})
    assert refused.value.error_count() == faults


def test_what_is_known_is_taken() -> None:
    assert Small.model_validate({"name": "a"}).name == "a"
