"""`nettailor doctor` on the age of Redis: whether its release line still gets fixes, and has the last grave one.

As Redis and Valkey published it by November 2026. A line that came later is taken for a good one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cli.doctor.finding import Finding, ok, warn
from hosting.redis_server.executable import ServerVersion

CHECK = "redis version"
_ADVICE = (
    "install a newer redis-server or valkey-server (the extra [valkey] has one), unless your distribution mends it"
)


@dataclass(frozen=True, kw_only=True)
class ReleaseLine:
    """`patch` is the first release with the mend of October 2025, of a way out of Lua's sandbox; `ends` is when fixes
    end, None where no day is given."""

    patch: int
    ends: date | None = None


LINES: Mapping[str, Mapping[tuple[int, int], ReleaseLine]] = {
    "redis": {
        (6, 2): ReleaseLine(patch=20, ends=date(2027, 4, 1)),
        (7, 2): ReleaseLine(patch=11, ends=date(2029, 12, 1)),
        (7, 4): ReleaseLine(patch=6, ends=date(2029, 12, 1)),
        (8, 0): ReleaseLine(patch=4, ends=date(2026, 12, 1)),
        (8, 2): ReleaseLine(patch=2, ends=date(2030, 9, 1)),
    },
    "valkey": {
        (7, 2): ReleaseLine(patch=11),
        (8, 0): ReleaseLine(patch=6),
        (8, 1): ReleaseLine(patch=4),
    },
}


def judged(version: ServerVersion, today: date) -> Finding:
    lines = LINES[version.product]
    if len(version.numbers) < 3:
        return warn(CHECK, str(version), "see whether it still gets fixes")
    major, minor, patch, *_ = version.numbers
    line = lines.get((major, minor))
    if line is None and (major, minor) > max(lines):
        return ok(CHECK, str(version))
    if line is None or (line.ends is not None and today >= line.ends):
        return warn(CHECK, f"{version}, a release line that gets no more fixes", _ADVICE)
    if patch < line.patch:
        return warn(CHECK, f"{version} lacks fixes that {major}.{minor}.{line.patch} has", _ADVICE)
    return ok(CHECK, str(version))
