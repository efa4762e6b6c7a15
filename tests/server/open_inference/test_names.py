import pytest

from server.errors import RequestMalformed
from server.open_inference.names import loadable, target_of
from server.prediction.target import Target


@pytest.mark.parametrize(
    ("name", "version", "target"),
    [
        ("signs", "", Target(task="signs")),
        ("signs@candidate", "", Target(task="signs", alias="candidate")),
        ("signs", "3", Target(task="signs", version=3)),
        ("signs@3", "", Target(task="signs", version=3)),
        ("signs@03", "", Target(task="signs", alias="03")),
    ],
)
def test_names_and_versions(name: str, version: str, target: Target) -> None:
    assert target_of(name, version) == target


@pytest.mark.parametrize(
    ("name", "version", "where"),
    [
        ("", "", "model_name"),
        ("@live", "", "model_name"),
        ("signs@", "", "model_name"),
        ("signs", "0", "model_version"),
        ("signs", "-1", "model_version"),
        ("signs", "first", "model_version"),
        ("signs", "1" * 19, "model_version"),
        ("signs", "\N{ARABIC-INDIC DIGIT THREE}", "model_version"),
        ("signs@live", "3", "model_version"),
        ("signs@2", "2", "model_version"),
    ],
)
def test_what_names_no_model_is_refused(name: str, version: str, where: str) -> None:
    with pytest.raises(RequestMalformed) as refused:
        target_of(name, version)
    assert refused.value.where == where


def test_a_name_is_loaded_and_no_version() -> None:
    assert loadable("signs@candidate") == Target(task="signs", alias="candidate")
    with pytest.raises(RequestMalformed, match="names are loaded"):
        loadable("signs@2")
