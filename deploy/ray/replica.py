"""A replica: a whole server (engine, residency, scheduler) that is asked by ingresses instead of over HTTP."""

import contextlib
import logging
from typing import Any

from prometheus_client import generate_latest
from ray import serve

from deploy.ray.folders import own_folder
from deploy.ray.messages import Answer, Call, ask
from deploy.ray.places import HELD, Held
from deploy.ray.shared_redis import shared_redis
from hosting.processes.malloc import bound_arenas
from hosting.processes.private_files import keep_files_private
from registry.wiring import serving_registry
from server.app import create_app
from server.errors import NotReady
from server.residency.tiers import Tier
from server.service import Service
from server.settings import ServerSettings

REPLICA_HEADER = b"x-replica"


class Replica:
    """Ray's names for what it calls: `check_health`, `record_routing_stats`, and `__del__` once drained."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._open = contextlib.ExitStack()
        given = ServerSettings.model_validate(settings)
        redis_url = shared_redis(given)
        keep_files_private(given.data_dir)
        bound_arenas()
        logging.basicConfig(level=given.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
        with contextlib.ExitStack() as opening:
            folder = opening.enter_context(own_folder(given.cache_folder))
            # Keys are asked for at the ingress: what comes from there is let in already.
            own = given.model_copy(update={"cache_dir": folder, "keys_file": None, "audit_log": None})
            registry = opening.enter_context(serving_registry(own, redis_url))
            self._service = Service(own, registry)
            self._service.start()
            opening.callback(self._service.stop)
            self._open = opening.pop_all()
        self._app = create_app(own, registry, service=self._service)
        self._name = serve.get_replica_context().replica_id.unique_id

    async def answer(self, call: Call) -> Answer:
        """As a server by itself answers, problems included, with the replica's name in a header."""
        answered = await ask(self._app, call)
        headers = (*answered.headers, (REPLICA_HEADER, self._name.encode()))
        return Answer(status=answered.status, headers=headers, body=answered.body)

    def metrics(self) -> tuple[str, str]:
        """The replica's name, and the page a server by itself shows at `/metrics`."""
        return self._name, generate_latest(self._service.metrics.registry).decode()

    def record_routing_stats(self) -> dict[str, Held]:
        """Which tasks are in which tier now; in order, so that an unchanged table is no news."""
        tiers: dict[str, set[str]] = {Tier.DEVICE.value: set(), Tier.HOST.value: set()}
        for row in self._service.parts.residency.table():
            tiers[row.tier.value].add(row.id.task)
        return {HELD: {tier: sorted(tasks) for tier, tasks in tiers.items()}}

    def check_health(self) -> None:
        """Raises `NotReady`; Ray then starts another replica in place of this one."""
        if self._service.state != "ready":
            raise NotReady(self._service.state)

    def __del__(self) -> None:
        """Ray calls this once no request is under way, or no longer waits for them."""
        self._open.close()
