"""All of the protocol, between its transports (REST, gRPC) and the parts of a server. On the event loop it waits."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from registry.journal.index import TaskState
from server.errors import NotReady
from server.open_inference import metadata, repository
from server.open_inference.infer import Infer
from server.open_inference.metadata import ModelMetadata, ModelStatistics
from server.open_inference.names import loadable, target_of
from server.open_inference.parts import Server, check_ready
from server.open_inference.repository import IndexEntry


class OpenInference(Infer):
    """All of the protocol, where the engine is in this process. Names and versions are as for `infer`."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._server = server

    async def check_ready(self) -> None:
        """As `/readyz` says it. Raises `NotReady`, `ReserveNearlyGone`."""
        await check_ready(self._server)

    async def check_model_ready(self, name: str, version: str = "") -> None:
        """Whether a request for the model would be answered, wherever its bundle is now. Raises what keeps it."""
        if self._server.state != "ready":
            raise NotReady(self._server.state)
        await self._server.parts.inference.record(target_of(name, version))

    async def model_metadata(self, name: str, version: str = "") -> ModelMetadata:
        """Raises what `LocalInference.record` raises."""
        parts = self._server.parts
        target = target_of(name, version)
        record = await parts.inference.record(target)
        numbers: Sequence[int] = (record.version,)
        if not version and "@" not in name:  # a name that means whatever is live, beside which all others can be asked
            numbers = sorted((await self._task(target.task)).versions)
        return metadata.model_metadata(name, record, numbers)

    async def model_configuration(self, name: str, version: str = "") -> Mapping[str, Any]:
        """As Triton's `ModelConfig` in JSON. Raises what `LocalInference.record` raises."""
        settings = self._server.settings
        about = await self.model_metadata(name, version)
        return metadata.model_configuration(about, max_images=settings.max_images, max_wait_ms=settings.max_wait_ms)

    async def models(self) -> list[str]:
        """The tasks that can be asked."""
        return self._server.parts.routing.tasks()

    async def statistics(self, name: str, version: str = "") -> list[ModelStatistics]:
        """Of one version, or of all of a task that were asked; of an alias, the version it names now.

        Raises what `LocalInference.record` raises.
        """
        parts = self._server.parts
        target = target_of(name, version)
        record = await parts.inference.record(target)
        numbers = {record.version}
        if not version and "@" not in name:
            numbers |= {number for task, number in parts.statistics.all() if task == record.task}
        return self._statistics({(record.task, number) for number in numbers})

    async def all_statistics(self, tasks: frozenset[str] | None = None) -> list[ModelStatistics]:
        """Of every version that was asked or is on the device; only of these tasks, where they are named."""
        parts = self._server.parts
        versions = {*parts.statistics.all(), *repository.device_bytes(parts.residency.table())}
        return self._statistics({version for version in versions if tasks is None or version[0] in tasks})

    async def index(self, *, ready_only: bool = False) -> list[IndexEntry]:
        """Raises `IndexUnavailable`."""
        parts = self._server.parts

        def look() -> list[IndexEntry]:
            residency = parts.residency
            tasks = parts.routing.registry.tasks()
            return repository.index_of(tasks, residency.table(), residency.disk.ids(), ready_only=ready_only)

        return await asyncio.get_running_loop().run_in_executor(parts.inference.lookups, look)

    async def load(self, name: str, parameters: Mapping[str, object]) -> None:
        """Make what a name leads to ready, and keep what it leads to on the device from now on.

        Raises `RequestMalformed`, and what `LocalInference.load` raises.
        """
        repository.check_load(parameters)
        deadline = self.clock() + self._server.settings.request_timeout_ms / 1000
        await self._server.parts.inference.load(loadable(name), deadline)

    async def unload(self, name: str, parameters: Mapping[str, object]) -> None:
        """Take what a name leads to off the device once nobody uses it; the next request brings it back.

        Raises `RequestMalformed`, and what `LocalInference.unload` raises.
        """
        repository.check_unload(parameters)
        await self._server.parts.inference.unload(loadable(name))

    async def _task(self, task: str) -> TaskState:
        parts = self._server.parts
        loop = asyncio.get_running_loop()
        state: TaskState = await loop.run_in_executor(parts.inference.lookups, parts.routing.registry.task, task)
        return state

    def _statistics(self, versions: set[tuple[str, int]]) -> list[ModelStatistics]:
        parts = self._server.parts
        sizes = repository.device_bytes(parts.residency.table())
        memory = "CPU" if parts.backbones.own.device.is_host else "GPU"
        return [
            ModelStatistics(
                name=task,
                version=str(number),
                figures=parts.statistics.of((task, number)),
                device_bytes=sizes.get((task, number), 0),
                memory=memory,
            )
            for task, number in sorted(versions)
        ]
