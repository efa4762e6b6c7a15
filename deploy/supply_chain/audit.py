"""`python -m deploy.supply_chain.audit LOCK...`: whether vulnerabilities are known of what lock files name.

pip-audit asks; but where the database cannot be reached it skips what it asked for and calls that "no known
vulnerabilities". Here a package that nobody could say anything of is a failure of its own (status 2; 1: vulnerable).
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PIP_AUDIT = ("-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--no-deps", "--disable-pip")

VULNERABLE, UNKNOWN = 1, 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Raises `SystemExit`."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.supply_chain.audit", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", metavar="LOCK", nargs="+", help="a lock file, such as requirements.lock")
    files = parser.parse_args(arguments).files
    status, lines = verdict([package for file in files for package in packages_of(file)])
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.exit(status)


def packages_of(file: str) -> list[Mapping[str, Any]]:
    """What pip-audit reports of each package. One file at a time: those with hashes and those without do not mix.

    Raises `SystemExit`.
    """
    command = [sys.executable, *_PIP_AUDIT, "--requirement", file]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[Mapping[str, Any]] = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):  # it ended before it had a report
        sys.stderr.write(asked.stderr)
        sys.exit(UNKNOWN)
    return packages


def verdict(packages: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """A status to end with, and what to say."""
    lines = [line for package in packages for line in _vulnerabilities(package)]
    unknown = [package for package in packages if "skip_reason" in package]
    if unknown:
        lines.append(f"{len(unknown)} of {len(packages)} packages could not be looked up: {unknown[0]['skip_reason']}")
        lines.append("Run this where the vulnerability database of PyPI can be reached; a mirror often has none.")
    if lines:
        return (UNKNOWN if unknown else VULNERABLE), lines
    return 0, [f"no vulnerabilities known of {len(packages)} packages"]


def _vulnerabilities(package: Mapping[str, Any]) -> Iterator[str]:
    for found in package.get("vulns", ()):
        mended = ", ".join(found["fix_versions"]) or "no version yet"
        yield f"{package['name']} {package['version']}: {found['id']}, mended in {mended}"


if __name__ == "__main__":
    main()
