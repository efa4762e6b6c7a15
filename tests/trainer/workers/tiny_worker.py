"""The worker with the work-horse of `tiny_horse`, and TINY_OVERRUN_MINUTES of patience; all else is the real thing."""

import os

from trainer.workers.worker import TrainerWorker, main


class TinyWorker(TrainerWorker):
    horse_module = "tests.trainer.workers.tiny_job_process"
    overrun_minutes = float(os.environ.get("TINY_OVERRUN_MINUTES", TrainerWorker.overrun_minutes))


if __name__ == "__main__":
    from tests.trainer.workers.tiny_worker import TinyWorker as Importable

    main(Importable)
