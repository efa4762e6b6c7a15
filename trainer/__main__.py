"""`python -m trainer`: the trainer's HTTP app on its own. Workers are `python -m trainer.worker`."""

import uvicorn

from registry.process import begin, configured, serve, settings_of
from registry.wiring import redis_service
from trainer.app import create_app
from trainer.service import Service
from trainer.settings import Settings


def main() -> None:
    settings = settings_of(Settings)
    begin(settings)
    with redis_service(settings) as url, Service(settings, url) as service:
        serve(uvicorn.Server(configured(create_app(service), settings)))


if __name__ == "__main__":
    main()
