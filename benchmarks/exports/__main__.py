"""Whether data sets are read right, as tools and people give them.

    python -m benchmarks.exports [--only coco tables/CSV ...] [--json]

Every archive is made here: small, seeded, without a network; the class and the split of each image stand in its
pixels. Each is taken in as a tailoring takes it in, and then every image of the frozen data set is compared with its
pixels. An archive is

- `right`: every image that can be read and has a class is there, under its class and, where the archive tells splits,
  in its split; images without a class, or in formats that are not read, are left out with a reason. Of an archive that
  contradicts itself: there is a warning, and all other images are right;
- `refused_with_reason`: refused before anything is trained, with an error that names what is wrong. It is right for
  archives that say nothing of their images, and counts against `right` for all others alike;
- silently wrong: anything else.

`right` and `refused_with_reason` are shares of all archives, `silently_wrong` is a count. The exit status says whether
nothing is silently wrong. No timing: any machine will do.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.exports.collection import all_exports
from benchmarks.exports.judging import VERDICTS, Judgement, judge

GOAL = 0.85


def judged(only: Sequence[str] = ()) -> dict[str, Judgement]:
    """By the name of the archive."""
    found = {}
    for export in all_exports(only):
        with tempfile.TemporaryDirectory(prefix="nettailor-") as folder:
            found[export.name] = judge(export, Path(folder))
    return found


def figures(found: Mapping[str, Judgement]) -> dict[str, Any]:
    counts = Counter(each.verdict for each in found.values())
    shares = {verdict: round(counts[verdict] / len(found), 4) for verdict in ("right", "refused_with_reason")}
    verdicts = {name: each.verdict for name, each in found.items()}
    return {**shares, "silently_wrong": counts["silently_wrong"], "archives": verdicts}


def table(found: Mapping[str, Judgement]) -> list[str]:
    """A line a group."""
    groups: dict[str, Counter[str]] = {}
    for name, each in found.items():
        groups.setdefault(name.partition("/")[0], Counter())[each.verdict] += 1
    wide = max(map(len, groups))
    rows = [f"{'':{wide}}  " + "  ".join(VERDICTS)]
    for group, counts in (*groups.items(), ("all", sum(groups.values(), Counter()))):
        rows.append(f"{group:{wide}}  " + "  ".join(f"{counts[each] or '':>{len(each)}}" for each in VERDICTS))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exports")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="archives whose names begin so")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    arguments = parser.parse_args()
    found = judged(arguments.only)
    if not found:
        parser.error("no archive has such a name")
    for name, each in found.items():
        if each.verdict != "right":
            print(f"{each.verdict:20} {name}: {each.why}")
    result = figures(found)
    print("\n".join(table(found)))
    met = "met" if result["right"] >= GOAL else "MISSED"
    print(f"{len(found)} archives, {result['right']:.1%} right (goal >= {GOAL:.0%}: {met})")
    if arguments.json:
        print(json.dumps(result))
    return 1 if result["silently_wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
