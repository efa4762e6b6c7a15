"""`python -m trainer`: the trainer's HTTP app on its own. Workers are `python -m trainer.worker`."""

import logging

import uvicorn

from registry.wiring import redis_service
from trainer.app import create_app
from trainer.service import Service
from trainer.settings import Settings


def main() -> None:
    settings = Settings()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with redis_service(settings) as url, Service(settings, url) as service:
        app = create_app(service)
        uvicorn.run(app, loop="asyncio", host=settings.host, port=settings.port, log_level=settings.log_level)


if __name__ == "__main__":
    main()
