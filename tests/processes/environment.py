"""What the processes that tests start inherit, and what services within the tests' own process are set to."""

import os

import pytest


def without_settings() -> dict[str, str]:
    """The environment, less what other tests of this process have set for services of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NETTAILOR_")}


def set_only(monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    """These settings and no others, as other tests of this process may have left theirs; names are without prefix."""
    for name in os.environ.keys() - without_settings().keys():
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(f"NETTAILOR_{name}", str(value))
