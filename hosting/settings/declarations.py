"""The names of the settings that the packages above declare, each in a text file of its own.

One file of settings serves all services, so each service must know the keys of the others without importing their
packages: imports run downwards, and the registry runs where torch is not installed. Entry points would not do: they
are as old as the last installation, which for an editable one is often older than the code.
"""

from pathlib import Path

DECLARATION = "nettailor_settings.txt"  # in the package's folder: a name a line; a line with # is a comment
_PACKAGES = Path(__file__).parents[2]  # our packages stand side by side, in a checkout and where they are installed


def declared_names() -> frozenset[str]:
    """The names of all declarations, without those that every service has (`Settings`)."""
    lines = [line.strip() for path in _PACKAGES.glob(f"*/{DECLARATION}") for line in path.read_text().splitlines()]
    return frozenset(line for line in lines if line and not line.startswith("#"))
