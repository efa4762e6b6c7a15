"""The TOML file of settings that `NETTAILOR_CONFIG` names. The environment wins over it.

It is named and never looked for: a service must not behave differently for the folder it was started from, and workers,
which inherit the environment, read the same file. Its keys are the variables' names without `NETTAILOR_`, in lower
case; one file serves all services, so each accepts the keys of the others.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource
from pydantic_settings.exceptions import SettingsError

from hosting.errors import SettingsInvalid
from hosting.settings.declarations import declared_names

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "NETTAILOR_"
VARIABLE = f"{PREFIX}CONFIG"

_NOT_IN_FILES = "config"


def file_source(kind: type[BaseSettings]) -> tuple[InitSettingsSource, ...]:
    """What the file says, if there is one. Raises `SettingsInvalid` for a file or a key that is none."""
    named = os.environ.get(VARIABLE)
    if not named:
        return ()
    path = Path(named)
    if not path.is_file():
        raise SettingsInvalid([(VARIABLE, f"there is no file {named}")])
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # a mark at its beginning is PowerShell's
    except (OSError, ValueError) as error:  # ValueError: not TOML, not UTF-8
        raise SettingsInvalid([(named, str(error))]) from error
    allowed = (declared_names() | kind.model_fields.keys()) - {_NOT_IN_FILES}
    unknown = [(f"{named}: {key}", f"unknown{suggestion(key, allowed)}") for key in values if key not in allowed]
    if unknown:
        raise SettingsInvalid(unknown)
    return (InitSettingsSource(kind, values),)


def suggestion(word: str, words: Iterable[str]) -> str:
    """`; did you mean ...?`, or nothing where nothing is close."""
    close = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def invalid(error: ValidationError | SettingsError, given: dict[str, Any]) -> SettingsInvalid:
    """Every fault with where the value came from: an option, a variable, or the file and its key."""
    if isinstance(error, SettingsError):  # a variable that should hold JSON
        return SettingsInvalid([("environment", f"{error}: {error.__cause__}")])
    return SettingsInvalid([(_where(fault, given), _reason(fault)) for fault in error.errors()])


def _where(fault: "ErrorDetails", given: dict[str, Any]) -> str:
    name, *rest = map(str, fault["loc"])
    key = ".".join([name, *rest])
    variable = f"{PREFIX}{name.upper()}"
    in_environment = any(found.upper() == variable for found in os.environ)
    if name in given or in_environment or not os.environ.get(VARIABLE):
        return variable + "".join(f".{part}" for part in rest)
    return f"{os.environ[VARIABLE]}: {key}"


def _reason(fault: "ErrorDetails") -> str:
    return f"{fault['msg']}, not {fault['input']!r}"
