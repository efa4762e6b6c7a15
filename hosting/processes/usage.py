"""Modules that are started by their name and take no options: their `--help`, and a line for whatever else is given."""

import sys

_SETTINGS = (
    "Settings are NETTAILOR_* environment variables, or keys of the TOML file that NETTAILOR_CONFIG names;\n"
    "docs/operations.md lists them."
)


def take_no_options(module: str, about: str | None, *, settings: bool = True) -> None:
    """Raises `SystemExit`. With `settings` it is told that they say everything."""
    given = sys.argv[1:]
    if given in (["--help"], ["-h"]):
        text = f"usage: python -m {module}\n\n{(about or '').strip()}"
        sys.stdout.write(f"{text}\n\n{_SETTINGS}\n" if settings else f"{text}\n")
        sys.exit(0)
    if given:
        sys.exit(f"error: python -m {module} takes no options, and {' '.join(given)!r} is one; --help says more")
