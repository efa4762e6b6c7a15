"""What each call of the service does, between its messages and the protocol's core."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from google.protobuf import json_format
from starlette.responses import Response

from hosting.errors import HostingError
from registry.errors import RegistryError
from server.errors import ServerError
from server.grpc.messages.protocol import Message
from server.grpc.messages.statistics import fill_statistics
from server.grpc.messages.tensors import fill_response, infer_request
from server.http.counting import counted
from server.http.problems import OPEN_INFERENCE_PROBLEMS, status_in
from server.open_inference.messages import InferRequest
from server.open_inference.metadata import server_metadata
from server.open_inference.open_inference import OpenInference
from server.open_inference.parameters import MOST_TIMEOUT_US
from server.open_inference.parts import Server

_MICROSECONDS = 1_000_000
_OF_REST = ("binary_tensor_data",)  # an extension that gRPC needs no word for: it has raw contents
# Of streams: a caller says that it wants to know which answer to a request is the last. Here there is one a request.
_WANTS_END, _IS_END = "triton_enable_empty_final_response", "triton_final_response"
_NOT_READY = (404, 424, 503)  # statuses of models that would not answer now

# Fills the answer to a message; the number is how many seconds the caller goes on waiting, if it says so.
Operation = Callable[[Message, Message, float | None], Awaitable[None]]


class Operations:
    """Every operation raises what the protocol's core raises."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._core = OpenInference(server)
        self.by_name: Mapping[str, Operation] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ServerMetadata": self._server_metadata,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model_metadata,
            "ModelConfig": self._model_config,
            "ModelInfer": self._model_infer,
            "ModelStreamInfer": self._model_stream_infer,
            "ModelStatistics": self._model_statistics,
            "RepositoryIndex": self._repository_index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }

    async def is_ready(self) -> bool:
        """As `/readyz` says it."""
        try:
            await self._core.check_ready()
        except (ServerError, HostingError):
            return False
        return True

    async def _server_live(self, request: Message, response: Message, left_s: float | None) -> None:
        response.live = True

    async def _server_ready(self, request: Message, response: Message, left_s: float | None) -> None:
        response.ready = await self.is_ready()

    async def _server_metadata(self, request: Message, response: Message, left_s: float | None) -> None:
        about = server_metadata()
        response.name, response.version = about.name, about.version
        response.extensions.extend(extension for extension in about.extensions if extension not in _OF_REST)

    async def _model_ready(self, request: Message, response: Message, left_s: float | None) -> None:
        """False also for models that are not known, as Triton says it: clients ask in a loop until one is there."""
        try:
            await self._core.check_model_ready(request.name, request.version)
        except (ServerError, HostingError, RegistryError) as failure:
            if status_in(OPEN_INFERENCE_PROBLEMS, failure) not in _NOT_READY:
                raise
        else:
            response.ready = True

    async def _model_metadata(self, request: Message, response: Message, left_s: float | None) -> None:
        about = await self._core.model_metadata(request.name, request.version)
        response.name, response.platform = about.name, about.platform
        response.versions.extend(about.versions)
        for described, tensors in ((response.inputs, about.inputs), (response.outputs, about.outputs)):
            for tensor in tensors:
                described.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)

    async def _model_config(self, request: Message, response: Message, left_s: float | None) -> None:
        configuration = await self._core.model_configuration(request.name, request.version)
        json_format.ParseDict(configuration, response.config)

    async def _model_infer(self, request: Message, response: Message, left_s: float | None) -> None:
        name = request.model_name

        async def answered() -> Response:
            arrived_at = self._core.clock()
            target = self._core.admit(name, request.model_version)
            asked = in_time(infer_request(request), left_s)
            fill_response(response, await self._core.infer(name, target, asked, arrived_at=arrived_at))
            return Response()

        await counted(self._server, [name.partition("@")[0]], answered, OPEN_INFERENCE_PROBLEMS)

    async def _model_stream_infer(self, request: Message, response: Message, left_s: float | None) -> None:
        wants_end = _WANTS_END in request.parameters
        if wants_end:
            del request.parameters[_WANTS_END]
        await self._model_infer(request, response.infer_response, left_s)
        if wants_end:
            response.infer_response.parameters[_IS_END].bool_param = True

    async def _model_statistics(self, request: Message, response: Message, left_s: float | None) -> None:
        if request.name:
            found = await self._core.statistics(request.name, request.version)
        else:
            found = await self._core.all_statistics()
        for statistics in found:
            fill_statistics(response.model_stats.add(), statistics)

    async def _repository_index(self, request: Message, response: Message, left_s: float | None) -> None:
        for entry in await self._core.index(ready_only=request.ready):
            response.models.add(name=entry.name, version=entry.version, state=entry.state, reason=entry.reason)

    async def _load(self, request: Message, response: Message, left_s: float | None) -> None:
        await self._core.load(request.model_name, request.parameters)

    async def _unload(self, request: Message, response: Message, left_s: float | None) -> None:
        await self._core.unload(request.model_name, request.parameters)


def in_time(request: InferRequest, left_s: float | None) -> InferRequest:
    """A request whose time-out is not longer than its caller waits; then nobody would see the answer."""
    given = request.parameters.get("timeout")
    if left_s is None or left_s * _MICROSECONDS > MOST_TIMEOUT_US:
        return request
    left_us = max(1, round(left_s * _MICROSECONDS))
    if given and isinstance(given, int) and given <= left_us:
        return request
    return replace(request, parameters={**request.parameters, "timeout": left_us})
