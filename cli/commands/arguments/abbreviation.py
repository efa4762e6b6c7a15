"""Ids and names by their beginning, as tables show them."""

import re
from collections.abc import Iterable, Mapping

from cli.errors import Ambiguous, NothingNamed, OptionUnusable
from nettailor_client import Client

_ALGORITHM = "sha256:"
_NUMBER = re.compile("[0-9]{1,18}")
_DIGEST = re.compile("(sha256:)?[0-9a-f]{4,64}")


def meant(kind: str, text: str, names: Iterable[str]) -> str:
    """The one that is called so, or the only one that begins so. Raises `NothingNamed`, `Ambiguous`."""
    known = sorted(set(names))
    found = [text] if text in known else [name for name in known if name.startswith(text)]
    if not found:
        raise NothingNamed(kind, text)
    if len(found) > 1:
        raise Ambiguous(kind, text, found)
    return found[0]


def version_meant(client: Client, task: str, text: str) -> int:
    """A version by its number, or by the beginning of its bundle's digest; what might be both is a number.

    Raises `OptionUnusable`, `NothingNamed`, `Ambiguous`.
    """
    if _NUMBER.fullmatch(text) and int(text):
        return int(text)
    if not _DIGEST.fullmatch(text):
        raise OptionUnusable(f"{text!r} is no version: give its number, or the beginning of its digest")
    numbers: Mapping[str, int] = {found.digest: found.version for found in client.versions(task)}
    return numbers[meant(f"version of {task}", _ALGORITHM + text.removeprefix(_ALGORITHM), numbers)]
