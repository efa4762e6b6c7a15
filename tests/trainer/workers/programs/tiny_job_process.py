"""The job process with the real recipe, its `fast` preset cut down to the tiniest.

At the places that TINY_STOP_AT names it stops itself (SIGSTOP), once at each: at `start`, before it has imported
anything heavy, when a `candidate` was measured, after an epoch of `helping` with the job of another worker, or in a
stage: after an epoch where the stage trains, and in `publish` when the version is in the registry but no job says so.
With TINY_END it ends itself there instead: `segv` or `memory`. A job has TINY_FOLDS folds, 1 by default.
"""

import os
import resource
import signal
import sys

_PLACES = os.environ.get("TINY_STOP_AT", "").split()
_TRAINING = {"teacher", "student", "retrain"}
_LEFT_BYTES = 1 << 28


def stop_at(place: str) -> None:
    if place not in _PLACES:
        return
    _PLACES.remove(place)
    end = os.environ.get("TINY_END")
    if end == "segv":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif end == "memory":
        with open("/proc/self/statm") as statm:
            held_bytes = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held_bytes + _LEFT_BYTES, resource.RLIM_INFINITY))
        bytearray(4 * _LEFT_BYTES)
    else:
        os.kill(os.getpid(), signal.SIGSTOP)


def make_tiny() -> None:
    """Before anybody imports what is replaced here by name."""
    from nettailor.network import backbones
    from tests.trainer.tiny import tiniest_config, tiny_backbone
    from trainer.recipe import config as recipe_config

    config = tiniest_config(folds=int(os.environ.get("TINY_FOLDS", "1")))
    recipe_config._PRESETS["fast"] = lambda: config
    backbones.load_backbone = tiny_backbone


def stop_in_stages() -> None:
    from trainer.events import Event, Json
    from trainer.recipe.sharing import board
    from trainer.training.fit import Epoch
    from trainer.workers import job_run

    class StoppingRun(job_run.JobRun):
        def report(self, event: Event) -> None:
            super().report(event)
            if event.kind == "candidate":
                stop_at("candidate")
            if event.stage != "publish" and (event.kind == "epoch" or event.stage not in _TRAINING):
                stop_at(event.stage)

        def succeed(self, result: "dict[str, Json]") -> None:  # type: ignore[override]  # what publish gives
            stop_at("publish")
            super().succeed(result)

    class StoppingBoard(board.Board):
        def tell(self, run: str, epochs: int, epoch: Epoch) -> None:
            super().tell(run, epochs, epoch)
            stop_at("helping")

    job_run.JobRun = StoppingRun  # type: ignore[misc]  # before anybody has imported it
    board.Board = StoppingBoard  # type: ignore[misc]  # as above


if __name__ == "__main__":
    from hosting.processes.garbage import kept_imports
    from hosting.processes.parent_death import die_with
    from trainer.workers.job_process import main

    die_with(int(sys.argv[1]))
    stop_at("start")
    with kept_imports():
        from tests.trainer import tiny_geometry

        make_tiny()
        stop_in_stages()
    with tiny_geometry.known():
        main(sys.argv[1:])
