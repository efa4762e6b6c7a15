"""`python -m server`: the server's HTTP app on its own, over the registry that the settings name."""

import logging

import uvicorn

from registry.wiring import open_registry, redis_service
from server.app import create_app
from server.settings import ServerSettings


def main() -> None:
    settings = ServerSettings()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        registry.reconcile()
        app = create_app(settings, registry)
        # No access log, as in `nettailor up`: metrics count every answer.
        uvicorn.run(app, host=settings.host, port=settings.port, log_level=settings.log_level, access_log=False)


if __name__ == "__main__":
    main()
