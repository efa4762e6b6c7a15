"""Each package declares the settings of its own class, no more and no less."""

import importlib
from pathlib import Path

import pytest

from hosting.settings.declarations import DECLARATION, declared_names
from hosting.settings.settings import Settings
from tests.documented import ROOT

_MODULES = sorted(ROOT.glob("*/settings.py"))


def _own_names(module: Path) -> set[str]:
    """What the classes of a package's settings.py add to those of all services."""
    found = vars(importlib.import_module(f"{module.parent.name}.settings")).values()
    kinds = [kind for kind in found if isinstance(kind, type) and issubclass(kind, Settings)]
    return {name for kind in kinds for name in kind.model_fields} - Settings.model_fields.keys()


@pytest.mark.parametrize("module", _MODULES, ids=lambda module: module.parent.name)
def test_a_package_declares_its_settings(module: Path) -> None:
    comment, *names = (module.parent / DECLARATION).read_text().splitlines()
    assert comment.startswith("#")
    assert names == sorted(_own_names(module))


def test_the_declarations_are_found() -> None:
    assert {module.parent.name for module in _MODULES} == {"server", "trainer"}
    assert declared_names() == {name for module in _MODULES for name in _own_names(module)}
