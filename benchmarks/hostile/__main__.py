"""Everything a stranger may send to a real `nettailor up`, while it is killed in parts and its disk fills up.

    python -m benchmarks.hostile [--requests 10000] [--seed 0] [--json]

Ordinary requests to every route of `/openapi.json` are changed by chance (paths, queries, headers, lengths, documents,
images, archives, bundles) and sent by four hands, with 64 half-sent requests open beside them. Redis, a worker and the
service are killed (kill -9) twice each in the first quarter; in the end the disk is full. Meanwhile honest users
predict, publish and ask for `/healthz`. On loopback only; equal seeds send equal requests.

- `server_errors`: answers of 500 and above but 503, 504 and 507; `tracebacks`: in the service's log;
- `wrong_answers`: predictions that are not what the version they name gives in the unfused student;
- `hangs_over_10s`: requests that were neither answered nor closed in ten seconds; `healthz_max_ms`: its slowest answer;
- `rss_growth_mib`: of the main process, from 30% of the requests to the last one;
- `lost`: acknowledged versions and jobs that are not there in the end; `leftovers`: temporary files after a restart;
- `honest_faults`: honest users who were not served, or a service that did not become ready again.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.hostile.campaign import Campaign, Findings
from benchmarks.hostile.world import small_disk
from benchmarks.measuring import machine
from benchmarks.soak.world import World

_HONEST = ("unexpected_5xx", "honest_refused", "no_pulse", "not_ready_again", "stale_answers")
_MUST_BE_ZERO = ("server_errors", "tracebacks", "wrong_answers", "hangs_over_10s", "lost", "leftovers", "honest_faults")


def summary(found: Findings, world: World) -> dict[str, Any]:
    return {
        "requests": found.requests,
        "server_errors": found.server_errors,
        "tracebacks": len(found.tracebacks),
        "wrong_answers": world.counts["wrong_answers"],
        "hangs_over_10s": found.hangs,
        "healthz_max_ms": round(found.slowest_pulse_ms, 1),
        "rss_growth_mib": round(found.rss_growth_mib, 1),
        "lost": len(found.lost),
        "leftovers": len(found.leftovers),
        "honest_faults": sum(world.counts[name] for name in _HONEST),
        "right_answers": world.counts["requests"] - world.counts["wrong_answers"],
        "kills": {name: world.counts[name] for name in ("kills", "worker_kills", "redis_kills")},
        "disk_was_full": found.disk_was_full,
        "statuses": {str(status): count for status, count in sorted(found.statuses.items())},
        "faults": [*world.faults, *found.lost[:10], *found.leftovers[:10], *sorted(set(found.tracebacks))[:20]],
        "machine": machine.describe(),
    }


def table(figures: dict[str, Any]) -> Table:
    shown = Table("what", "how many", title=f"{figures['requests']} requests that nobody means well by")
    for name, value in figures.items():
        if name not in ("faults", "machine", "statuses"):
            shown.add_row(name, str(value))
    return shown


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    args = parser.parse_args(arguments)
    with small_disk() as (folder, is_own):
        campaign = Campaign(folder, requests=args.requests, seed=args.seed)
        try:
            figures = summary(campaign.run(may_fill=is_own), campaign.world)
        finally:
            campaign.world.stop()
    Console(stderr=args.json, width=100).print(table(figures))
    for fault in figures["faults"]:
        print(fault, file=sys.stderr)
    print(json.dumps(figures))
    sys.exit(any(figures[name] for name in _MUST_BE_ZERO))


if __name__ == "__main__":
    main()
