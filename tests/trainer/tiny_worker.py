"""The worker with the work-horse of `tiny_horse`; all else is the real thing."""

from trainer.worker import TrainerWorker, main


class TinyWorker(TrainerWorker):
    horse_module = "tests.trainer.tiny_horse"


if __name__ == "__main__":
    from tests.trainer.tiny_worker import TinyWorker as Importable

    main(Importable)
