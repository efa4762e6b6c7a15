"""What an idle worker does for the job of another: it carries out some of its trainings.

It writes to the job's checkpoints and to nothing else, and goes when the job needs it no more or another job waits.
"""

import logging

from trainer.errors import QueueUnavailable
from trainer.jobs.jobs import Jobs
from trainer.jobs.options import parse_options
from trainer.recipe.sharing.helper import Helper
from trainer.training.data import load_dataset
from trainer.workers.tailoring import CHECKPOINTS, DATASET, chosen_backbone, open_workplace

logger = logging.getLogger(__name__)


def run(job: str, submission: int) -> None:
    """The function that RQ calls."""
    place = open_workplace(job)
    settings, jobs = place.settings, place.jobs

    def wanted() -> bool:
        return _is_wanted(jobs, job, submission)

    if not wanted():
        return
    backbone = chosen_backbone(parse_options(jobs.store.get(job).options), settings, place.registry)
    folder = settings.work_dir / job
    try:
        data = load_dataset(folder / DATASET, backbone.preprocessing)
    except FileNotFoundError:
        return  # the job has ended
    logger.info("helping with job %s", job)
    Helper(data, folder / CHECKPOINTS, backbone, wanted).work()


def _is_wanted(jobs: Jobs, job: str, submission: int) -> bool:
    try:
        found = jobs.store.find(job)
        return found is not None and found.is_open and found.submission == submission and not jobs.queue.waiting_ids()
    except QueueUnavailable:
        return True  # the job waits for Redis as well
