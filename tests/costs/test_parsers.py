"""Every parser of ours takes about twice as long for twice the input, whatever the input is."""

from collections.abc import Callable, Mapping

import pytest

from hosting.telemetry.redaction import without_secrets
from nettailor.printable import printable
from tests.costs.growth import Work, growth, is_linear

Make = Callable[[int], Work]


def _texts(parse: Callable[[str], object]) -> Mapping[str, Make]:
    """A parser of text, given what other patterns stumble over."""
    units = ("a", "a://", "a:", "a:b@", "token", "token=", "api_", "Bearer ", "ntk_", "x=://b:", "\n", " ", "\x1b[")
    return {repr(unit): _repeated(parse, unit) for unit in units}


def _repeated(parse: Callable[[str], object], unit: str) -> Make:
    def make(size: int) -> Work:
        text = (unit * size)[:size]
        return lambda: parse(text)

    return make


CASES: Mapping[str, tuple[int, Mapping[str, Make]]] = {  # by parser: the smaller size, and inputs of that size
    "redaction": (4_000, _texts(without_secrets)),
    "printable": (4_000, _texts(printable)),
}


@pytest.mark.parametrize(
    ("size", "make"),
    [
        pytest.param(size, make, id=f"{parser} {what}")
        for parser, (size, inputs) in CASES.items()
        for what, make in inputs.items()
    ],
)
def test_twice_the_input_is_about_twice_the_work(size: int, make: Make) -> None:
    assert is_linear(growth(make, size))


def test_what_is_not_linear_is_found() -> None:
    def make(size: int) -> Work:
        return lambda: [None for _ in range(size) for _ in range(size)]

    assert not is_linear(growth(make, 50))
