"""The worker with the work-horse of `tiny_horse`, and TINY_OVERRUN_MINUTES of patience; all else is the real thing."""

import os

from trainer.worker import TrainerWorker, main


class TinyWorker(TrainerWorker):
    horse_module = "tests.trainer.tiny_horse"
    overrun_minutes = float(os.environ.get("TINY_OVERRUN_MINUTES", TrainerWorker.overrun_minutes))


if __name__ == "__main__":
    from tests.trainer.tiny_worker import TinyWorker as Importable

    main(Importable)
