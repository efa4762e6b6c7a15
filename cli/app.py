"""The one HTTP app of `nettailor up`: the routes of registry, trainer and server over the same parts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

import registry.app as registry_app
import server.problems as server_problems
import trainer.app as trainer_app
from registry.problems import install_problem_handlers
from registry.wiring import open_registry
from server.service import Service as Server
from server.settings import ServerSettings
from trainer.service import Service as Trainer
from trainer.settings import Settings as TrainerSettings


@contextmanager
def serving(chosen: Mapping[str, Any]) -> Iterator[FastAPI]:
    """The app, ready to answer; `chosen` settings (by name, `redis_url` among them) come before the environment's.

    Raises `NetTailorError`, `RegistryError`, `TrainerError`, pydantic's `ValidationError` for malformed settings.
    """
    server_settings, trainer_settings = ServerSettings(**chosen), TrainerSettings(**chosen)
    metrics = CollectorRegistry()
    with open_registry(server_settings, chosen["redis_url"]) as registry:
        registry.reconcile()
        with Trainer(trainer_settings, chosen["redis_url"]) as trainer:
            metrics.register(trainer.collector)
            server = Server(server_settings, registry, collectors=metrics)
            app = FastAPI(
                title="NetTailor Server",
                version=version("nettailor-server"),
                description="Many image-recognition tasks from one shared, frozen ResNet.",
            )
            install_problem_handlers(app, {**registry_app.PROBLEMS, **trainer_app.PROBLEMS, **server_problems.PROBLEMS})
            for router in (server.router, trainer_app.router(trainer), registry_app.router(registry)):
                app.include_router(router)
            server.start()
            try:
                yield app
            finally:
                server.stop()
