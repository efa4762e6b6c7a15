import getpass

import pytest

from cli.service.login_name import login_name


def _nobody() -> str:
    raise KeyError("uid not found")


@pytest.mark.parametrize(
    ("name", "shown"), [("ann", "ann"), ("josé", "jos\\xe9"), ("a\nb", None), ("a" * 300, "a" * 200)]
)
def test_a_login_name_is_one_that_a_header_can_hold(
    monkeypatch: pytest.MonkeyPatch, name: str, shown: str | None
) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: name)
    assert login_name() == shown


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", _nobody)
    assert login_name() is None
