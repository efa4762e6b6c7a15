"""The name under which jobs wait in Redis: those that an older version put there are found by it, too."""

from trainer.workers.tailoring import run

__all__ = ["run"]
