import pytest

from server.errors import RequestMalformed
from server.open_inference.messages import ParameterValue
from server.open_inference.parameters import Urgency, urgency_of


@pytest.mark.parametrize(
    ("parameters", "urgency"),
    [
        ({}, Urgency(priority=0, timeout_s=None)),
        ({"priority": 0, "timeout": 0}, Urgency(priority=0, timeout_s=None)),
        ({"priority": 1}, Urgency(priority=100, timeout_s=None)),
        ({"priority": 101}, Urgency(priority=0, timeout_s=None)),
        ({"priority": 201}, Urgency(priority=-100, timeout_s=None)),
        ({"timeout": 1_500_000}, Urgency(priority=0, timeout_s=1.5)),
        ({"timeout": 1}, Urgency(priority=0, timeout_s=1e-6)),
    ],
)
def test_lower_is_more_urgent_and_time_is_in_microseconds(
    parameters: dict[str, ParameterValue], urgency: Urgency
) -> None:
    assert urgency_of(parameters) == urgency


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"priority": 202}, "parameters.priority"),
        ({"priority": -1}, "parameters.priority"),
        ({"priority": True}, "parameters.priority"),
        ({"timeout": "soon"}, "parameters.timeout"),
        ({"timeout": 1.5}, "parameters.timeout"),
        ({"timeout": 600_000_001}, "parameters.timeout"),
        ({"sequence_id": 3}, "parameters.sequence_id"),
    ],
)
def test_what_is_not_known_is_refused(parameters: dict[str, ParameterValue], where: str) -> None:
    with pytest.raises(RequestMalformed) as refused:
        urgency_of(parameters)
    assert refused.value.where == where
