"""What `nettailor up` does to delete the task `pets`, and its death (kill -9) before the step that is its argument."""

import os
import signal
import sys

from registry.wiring import connect
from trainer.settings import Settings
from trainer.wiring import open_jobs, open_registry


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(step: str) -> None:
    settings = Settings()
    assert settings.redis_url is not None
    client = connect(settings.redis_url)
    registry = open_registry(settings, client)
    jobs = open_jobs(settings, client, registry.blobs)
    owners = {"apply": registry.index, "cancel_deleted": jobs, "write": jobs.records, "withdraw": jobs.queue}
    setattr(owners[step], step, die)
    registry.delete_task("pets", actor="ann", reason="over")
    jobs.cancel_deleted("pets")


if __name__ == "__main__":
    main(sys.argv[1])
