"""`python -m registry`: the registry's HTTP app on its own."""

import logging

import uvicorn

from registry.app import create_app
from registry.settings import Settings
from registry.wiring import open_registry, redis_service


def main() -> None:
    settings = Settings()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        registry.reconcile()
        app = create_app(registry)
        uvicorn.run(app, loop="asyncio", host=settings.host, port=settings.port, log_level=settings.log_level)


if __name__ == "__main__":
    main()
