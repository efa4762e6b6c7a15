"""The registry under kill -9.

    python -m benchmarks.crash [--kills 200] [--seed 0] [--json]

Two writers publish, promote and roll back the same three tasks: a process over the library, as a training job does, and
a client of `python -m registry` over HTTP. At a random point in the middle of that one of three is killed: the
publishing process, the registry's process, or Redis. The victim is started again the way it was started first; nothing
is repaired by hand. Then, while nobody writes, is checked:

- `lost_publishes`: acknowledged publishes, of all rounds so far, that do not resolve or whose blob does not verify;
- `lost_moves`: acknowledged promotes and rollbacks that the history does not have;
- `bad_aliases`: aliases that name a version that is not there, or whose blob is missing or partial;
- `rebuild_differences`: keys of the index that differ from what `rebuild` makes of records and blobs in a fresh Redis.

All four must be 0; the exit status says whether they are. Points in time are random, so no two runs are the same;
`--seed` repeats the choices.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.crash.checking import Fault, faults, settle
from benchmarks.crash.journal import TASKS, Journal
from benchmarks.crash.operations import KINDS, Operation, Outcome, Refused
from benchmarks.crash.world import VICTIMS, Victim, World
from hosting.redis_server.embedded import EmbeddedRedis
from registry.wiring import connect

FAULTS = ("lost_publishes", "lost_moves", "bad_aliases", "rebuild_differences")
_OPERATIONS = 10  # of each writer in a round
_KILL_AFTER = 8  # at most so many, of both together
_WITHIN_S = 0.03  # and then somewhere within the next ones
_STUCK_S = 60.0  # writers that do nothing for so long are no reason not to kill
_PATIENCE = 2  # times in a row that a writer finds nobody there before it waits for the next round

Hand = Callable[[Operation], Outcome | None]


@dataclass(kw_only=True)
class Tally:
    """Of the rounds so far: by victim, what writers were told; and what was found wrong."""

    kills: Counter[Victim] = field(default_factory=Counter)
    outcomes: dict[Victim, Counter[str]] = field(default_factory=lambda: {victim: Counter() for victim in VICTIMS})
    faults: set[Fault] = field(default_factory=set)


def measured(folder: Path, *, kills: int, seed: int) -> dict[str, Any]:
    """All figures, as the last line of JSON has them. Raises `Broken`."""
    chance, journal, tally = random.Random(seed), Journal(), Tally()
    with (
        World(folder) as world,
        EmbeddedRedis(folder / "fresh") as other,
        contextlib.closing(connect(other.url)) as fresh,
    ):
        for number in range(kills):
            victim = VICTIMS[number % len(VICTIMS)]
            before = journal.counts.copy()
            _kill_among_writes(world, victim, journal, chance)
            world.revive(victim)
            settle(world.registry)
            tally.kills[victim] += 1
            tally.outcomes[victim] += journal.counts - before
            found = set(faults(world.registry, world.client, fresh, journal)) - tally.faults
            for fault in found:
                _tell(number, victim, fault)
            tally.faults |= found
        unanswered = sum(len(world.registry.index.history(task)) for task in TASKS) - journal.records
    return _figures(tally, seed) | {"happened_unanswered": unanswered}


def _kill_among_writes(world: World, victim: Victim, journal: Journal, chance: random.Random) -> None:
    done = threading.Semaphore(0)
    after, within_s = chance.randrange(_KILL_AFTER + 1), chance.uniform(0, _WITHIN_S)
    hands: list[Hand] = [world.over_http, world.by_publisher]
    with ThreadPoolExecutor(len(hands)) as pool:
        writers = [pool.submit(_write, hand, journal, random.Random(chance.random()), done) for hand in hands]
        for _ in range(after):
            done.acquire(timeout=_STUCK_S)
        time.sleep(within_s)  # the point is to be at no particular one
        world.kill(victim)
        for writer in writers:
            writer.result()


def _write(hand: Hand, journal: Journal, chance: random.Random, done: threading.Semaphore) -> None:
    away = 0
    for _ in range(_OPERATIONS):
        outcome = hand(journal.next_operation(chance))
        journal.note(outcome)
        done.release()
        away = away + 1 if isinstance(outcome, Refused) and outcome.away else 0
        if outcome is None or away == _PATIENCE:
            return


def _figures(tally: Tally, seed: int) -> dict[str, Any]:
    together = sum(tally.outcomes.values(), Counter[str]())
    wrong = Counter(fault.kind for fault in tally.faults)
    return (
        {"kills": tally.kills.total()}
        | {name: wrong[name] for name in FAULTS}
        | {"acknowledged": {kind: together[kind] for kind in KINDS}}
        | {word.replace(" ", "_"): together[word] for word in ("refused", "away", "cut off")}
        | {
            "by_victim": {
                victim: {"kills": tally.kills[victim]} | {kind: tally.outcomes[victim][kind] for kind in KINDS}
                for victim in VICTIMS
            },
            "seed": seed,
        }
    )


def table(found: dict[str, Any]) -> list[str]:
    lines = [f"{'killed':12} {'times':>6} " + " ".join(f"{kind:>10}" for kind in KINDS) + "  acknowledged"]
    for victim, row in found["by_victim"].items():
        lines.append(f"{victim:12} {row['kills']:6} " + " ".join(f"{row[kind]:10}" for kind in KINDS))
    lines += [f"{name:22} {found[name]:6} {'as it must be' if not found[name] else 'WRONG'}" for name in FAULTS]
    lines.append(
        f"refused for their own sake {found['refused']}, for lack of a registry or Redis {found['away']}, "
        f"never answered {found['cut_off']}; {found['happened_unanswered']} of these two happened all the same"
    )
    return lines


def _tell(number: int, victim: Victim, fault: Fault) -> None:
    print(f"kill {number} ({victim}): {fault.kind}: {fault.what}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        found = measured(Path(folder), kills=args.kills, seed=args.seed)
    print("\n".join(table(found)), file=sys.stderr if args.json else sys.stdout)
    print(json.dumps(found))
    sys.exit(any(found[name] for name in FAULTS))


if __name__ == "__main__":
    main()
