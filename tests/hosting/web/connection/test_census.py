import dataclasses

from hosting.settings.settings import Settings
from hosting.web.connection.census import Census
from hosting.web.connection.limits import limits_of

_LIMITS = dataclasses.replace(limits_of(Settings()), connections=5, connections_per_address=2)


def _entered(census: Census, *homes: str) -> list[int]:
    """The statuses of those that are refused; 0 for others."""
    found = [census.enter(home) for home in homes]
    return [refusal.status if refusal else 0 for refusal in found]


def test_an_address_meets_its_own_limit_before_that_of_all() -> None:
    census = Census(_LIMITS)
    assert _entered(census, "a", "a", "a", "b") == [0, 0, 429, 0]
    census.leave("a")
    assert _entered(census, "a", "a") == [0, 429]


def test_all_together_meet_a_limit() -> None:
    census = Census(_LIMITS)
    assert _entered(census, *"abcdef") == [0, 0, 0, 0, 0, 503]
    census.leave("a")
    assert _entered(census, "g", "h") == [0, 503]


def test_zero_is_no_limit_of_an_address() -> None:
    census = Census(dataclasses.replace(_LIMITS, connections_per_address=0))
    assert _entered(census, *"aaaaaa") == [0, 0, 0, 0, 0, 503]
