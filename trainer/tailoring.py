"""The function that jobs in Redis name: also those that an older version has queued, so the name must stay."""

from trainer.workers.tailoring import run

__all__ = ["run"]
