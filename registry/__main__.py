"""`python -m registry`: the registry's HTTP app on its own."""

import uvicorn

from registry.app import create_app
from registry.process import begin, configured, serve
from registry.settings import Settings
from registry.wiring import open_registry, redis_service


def main() -> None:
    settings = Settings()
    begin(settings)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        registry.reconcile()
        serve(uvicorn.Server(configured(create_app(registry), settings)))


if __name__ == "__main__":
    main()
