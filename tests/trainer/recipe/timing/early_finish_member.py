"""One process of a group, started by torchrun: searches until the first process hears that somebody wants it to end.

Argument: folder.
"""

import json
import sys
from pathlib import Path

import torch.distributed as dist

from trainer.recipe.selection import OutOfTime
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.early_finish import EarlyFinish, FinishRequest


def main(folder: Path) -> None:
    rank = dist.get_rank()

    def asked() -> FinishRequest | None:
        return None if rank else FinishRequest(by="ada", at="2026-11-28T12:00:00.000+00:00", candidates=(6,))

    finish = EarlyFinish(asked, DecisionLog(folder / "decisions.json"))
    try:
        for blocks in (6, 9, 7):
            finish.begin(blocks)
            finish.measured()
    except OutOfTime:
        (folder / f"{rank}.json").write_text(json.dumps(finish.report()))


if __name__ == "__main__":
    dist.init_process_group("gloo")
    main(Path(sys.argv[1]))
    dist.destroy_process_group()
