"""`python -m trainer`: the trainer's HTTP app and this machine's workers.

`python -m trainer.worker` is one more worker, here or elsewhere; with NETTAILOR_WORKER_JOBS_PER_DEVICE=0 this process
starts none.
"""

import uvicorn

from hosting.processes.usage import take_no_options
from hosting.settings.outset import ending_in_a_line, settings_of
from hosting.web.process import begin, configured, serve
from nettailor.errors import NetTailorError
from registry.errors import RegistryError
from registry.wiring import redis_service
from trainer.errors import TrainerError
from trainer.http.app import create_app
from trainer.service import Service
from trainer.settings import Settings
from trainer.workers.machine.pool import MODULE, Workers


def main(worker: str = MODULE) -> None:
    settings = settings_of(Settings)
    begin(settings, "trainer")
    with ending_in_a_line(NetTailorError, RegistryError, TrainerError), redis_service(settings) as url:
        workers = Workers(settings, {"NETTAILOR_REDIS_URL": url}, module=worker)
        with Service(settings, url) as service:
            server = uvicorn.Server(configured(create_app(service), settings))
            with workers:
                serve(server)


if __name__ == "__main__":
    take_no_options("trainer", __doc__)
    main()
