"""The protocol itself, between its transports (REST, gRPC) and the predictor. On the event loop it only waits.

What goes wrong is raised as the predictor and the registry raise it, what a request says wrong as `RequestMalformed`;
each transport has its own words for these. Whoever calls `infer` holds `Server.answering()` and counts the answer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from registry.journal.index import TaskState
from server.errors import NotReady, RequestMalformed
from server.open_inference import images, metadata, outputs, repository
from server.open_inference.messages import InferRequest, InferResponse, ParameterValue, RequestedOutput
from server.open_inference.metadata import ModelMetadata, ModelStatistics
from server.open_inference.names import loadable, target_of
from server.open_inference.parameters import urgency_of
from server.open_inference.parts import Server, check_ready
from server.open_inference.repository import IndexEntry
from server.prediction.answer import Answer
from server.prediction.predictor import Options
from server.prediction.routing import Target

_MOST_VALUES = 2**22  # of the probabilities in an answer, each of which takes a hundred bytes on its way
_LARGE_BYTES = 2**20  # of input that is taken apart in a thread


class OpenInference:
    """One a server. `name` is `task` or `task@alias`; `version` is empty, or a number's digits."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def clock(self) -> float:
        """What deadlines are on. Raises `NotReady`."""
        return self._server.parts.predictor.clock()

    def admit(self, name: str, version: str) -> Target:
        """What is asked, if there is room for it: called before anything of a request is read, as what is refused must
        cost next to nothing. Raises `RequestMalformed`, `Overloaded`, `NotReady`."""
        target = target_of(name, version)
        predictor = self._server.parts.predictor
        predictor.admission.check([target.task])
        self._server.accept_until(predictor.clock() + self._server.settings.request_timeout_ms / 1000)
        return target

    async def infer(self, name: str, target: Target, request: InferRequest, *, arrived_at: float) -> InferResponse:
        """The answer to a request that was admitted and came at that moment of `clock`.

        Raises `RequestMalformed`, and what `Predictor.predict` raises.
        """
        parts, settings = self._server.parts, self._server.settings
        urgency = urgency_of(request.parameters)
        wanted = request.outputs or outputs.ALL
        outputs.check_outputs(wanted)
        deadline = arrived_at + (urgency.timeout_s or settings.request_timeout_ms / 1000)
        self._server.accept_until(deadline)
        files = await self._files(request)
        await self._check_size(target, wanted, len(files))
        options = Options(top_k=outputs.classes_needed(wanted), priority=urgency.priority, deadline=deadline)
        [answer] = await parts.predictor.predict([target], files, options)
        return InferResponse(
            model_name=name,
            model_version=answer.version,
            id=request.id,
            outputs=outputs.tensors_of(answer, wanted),
            parameters=_costs(answer),
        )

    async def check_ready(self) -> None:
        """As `/readyz` says it. Raises `NotReady`, `ReserveNearlyGone`."""
        await check_ready(self._server)

    async def check_model_ready(self, name: str, version: str = "") -> None:
        """Whether a request for the model would be answered, wherever its bundle is now. Raises what keeps it."""
        if self._server.state != "ready":
            raise NotReady(self._server.state)
        await self._server.parts.predictor.record(target_of(name, version))

    async def model_metadata(self, name: str, version: str = "") -> ModelMetadata:
        """Raises what `Predictor.record` raises."""
        parts = self._server.parts
        target = target_of(name, version)
        record = await parts.predictor.record(target)
        numbers: Sequence[int] = (record.version,)
        if not version and "@" not in name:  # a name that means whatever is live, beside which all others can be asked
            numbers = sorted((await self._task(target.task)).versions)
        return metadata.model_metadata(name, record, numbers)

    async def model_configuration(self, name: str, version: str = "") -> Mapping[str, Any]:
        """As Triton's `ModelConfig` in JSON. Raises what `Predictor.record` raises."""
        settings = self._server.settings
        about = await self.model_metadata(name, version)
        return metadata.model_configuration(about, max_images=settings.max_images, max_wait_ms=settings.max_wait_ms)

    async def models(self) -> list[str]:
        """The tasks that can be asked."""
        return self._server.parts.routing.tasks()

    async def statistics(self, name: str, version: str = "") -> list[ModelStatistics]:
        """Of one version, or of all of a task that were asked; of an alias, the version it names now.

        Raises what `Predictor.record` raises.
        """
        parts = self._server.parts
        target = target_of(name, version)
        record = await parts.predictor.record(target)
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

        return await asyncio.get_running_loop().run_in_executor(parts.predictor.lookups, look)

    async def load(self, name: str, parameters: Mapping[str, object]) -> None:
        """Make what a name leads to ready, and keep what it leads to on the device from now on.

        Raises `RequestMalformed`, and what `Predictor.load` raises.
        """
        repository.check_load(parameters)
        predictor = self._server.parts.predictor
        await predictor.load(loadable(name), predictor.clock() + self._server.settings.request_timeout_ms / 1000)

    async def unload(self, name: str, parameters: Mapping[str, object]) -> None:
        """Take what a name leads to off the device once nobody uses it; the next request brings it back.

        Raises `RequestMalformed`, and what `Predictor.unload` raises.
        """
        repository.check_unload(parameters)
        await self._server.parts.predictor.unload(loadable(name))

    async def _files(self, request: InferRequest) -> list[bytes]:
        make = partial(images.files_of, request.inputs, max_images=self._server.settings.max_images)
        size = sum(len(tensor.data) for tensor in request.inputs if isinstance(tensor.data, bytes))
        if size <= _LARGE_BYTES:
            return make()
        return await asyncio.get_running_loop().run_in_executor(self._server.parts.decodes, make)

    async def _check_size(self, target: Target, wanted: Sequence[RequestedOutput], images: int) -> None:
        """Raises `RequestMalformed` where the answer would be larger than anybody reads."""
        if outputs.classes_needed(wanted) * images <= _MOST_VALUES:
            return
        classes = len((await self._server.parts.predictor.record(target)).manifest.classes)
        each = min(outputs.classes_needed(wanted), classes)
        if each * images > _MOST_VALUES:
            raise RequestMalformed(
                "outputs",
                f"{images} images with {each} classes each are more than the {_MOST_VALUES} values of an answer; "
                f"ask for the best few (classification of {outputs.PROBABILITIES!r}), or for fewer images",
            )

    async def _task(self, task: str) -> TaskState:
        parts = self._server.parts
        loop = asyncio.get_running_loop()
        state: TaskState = await loop.run_in_executor(parts.predictor.lookups, parts.routing.registry.task, task)
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


def _costs(answer: Answer) -> dict[str, ParameterValue]:
    return {
        "digest": answer.digest,
        "tier": str(answer.tier),
        "switch_ms": _milliseconds(answer.switch_s),
        "queue_ms": _milliseconds(answer.queue_s),
        "inference_ms": _milliseconds(answer.inference_s),
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
