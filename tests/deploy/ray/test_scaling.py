"""What can be set, and the table that says so."""

import re
import sys

import pytest
from pydantic import ValidationError

from deploy.ray.scaling import Scaling
from tests.documented import ROOT


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs/scaling.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `?(.*?)`? \|", page, flags=re.MULTILINE))
    expected = {}
    for name, field in Scaling.model_fields.items():
        default = field.get_default(call_default_factory=True)
        expected[name] = "" if default is None else str(default)
        assert field.description
    assert rows == expected


def test_fewer_at_most_than_at_least_is_refused() -> None:
    with pytest.raises(ValidationError, match="max_replicas is 2, replicas is 3"):
        Scaling(replicas=3, max_replicas=2)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError):
        Scaling.model_validate({"replicsa": 3})


def test_the_environment_names_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETTAILOR_RAY_REPLICAS", "3")
    monkeypatch.setenv("NETTAILOR_RAY_REPLICA_RESOURCES", '{"engine": 1}')
    scaling = Scaling()
    assert scaling.replicas == 3
    assert scaling.replica_resources == {"engine": 1.0}
    assert Scaling(replicas=5).replicas == 5  # what is said outright goes before the environment


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["--replicas", "few"], {}, "error: replicas: Input should be a valid integer"),
        ([], {"REPLICAS": "3", "MAX_REPLICAS": "2"}, "error: Value error, max_replicas is 2, replicas is 3"),
        ([], {"REPLICA_RESOURCES": "gpu"}, 'error: error parsing value for field "replica_resources"'),
    ],
)
def test_what_is_malformed_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: dict[str, str], told: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["deploy.ray", *arguments])
    for name, value in environment.items():
        monkeypatch.setenv(f"NETTAILOR_RAY_{name}", value)
    with pytest.raises(SystemExit) as ended:
        Scaling.of_command_line()
    assert str(ended.value).startswith(told)
    assert "\n" not in str(ended.value)
