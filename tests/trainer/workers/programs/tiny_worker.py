"""A worker with the job process of `tiny_job_process`, TINY_OVERRUN_MINUTES of patience and runs that Redis forgets
after TINY_RUN_KEPT_SECONDS; the rest is real."""

import os

from trainer.workers.worker import TrainerWorker, main


class TinyWorker(TrainerWorker):
    job_process_module = "tests.trainer.workers.programs.tiny_job_process"
    overrun_minutes = float(os.environ.get("TINY_OVERRUN_MINUTES", TrainerWorker.overrun_minutes))
    run_kept_seconds = int(os.environ.get("TINY_RUN_KEPT_SECONDS", TrainerWorker.run_kept_seconds))


if __name__ == "__main__":
    from tests.trainer.workers.programs.tiny_worker import TinyWorker as Importable

    main(Importable)
