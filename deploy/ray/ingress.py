"""An ingress: HTTP in, requests to replicas out. It holds no backbone and decodes nothing."""

from typing import TYPE_CHECKING, Any

from ray import serve
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.ray.errors import ReplicaGone, ReplicasFull
from deploy.ray.forward import create_app
from deploy.ray.messages import Answer, Call
from deploy.ray.scaling import Scaling
from hosting.telemetry.request_id import HEADER
from server.errors import NotReady
from server.settings import ServerSettings

if TYPE_CHECKING:  # it brings torch, which an ingress does without
    from deploy.ray.replica import Replica


_NO_REPLICAS = "without replicas"


class RayReplicas:
    """`forward.Replicas` over Serve."""

    def __init__(self, handle: "DeploymentHandle[Replica]", *, bound: int) -> None:
        self._handle = handle
        self._bound = bound  # of requests that wait

    async def ask(self, call: Call) -> Answer:
        """Raises `ReplicaGone`, `ReplicasFull`, `NotReady`."""
        try:
            answered: Answer = await self._handle.answer.remote(call)
        except RayActorError as failure:  # what was not accepted yet Ray gives to another replica by itself
            raise ReplicaGone(type(failure).__name__) from failure
        except BackPressureError as failure:
            raise ReplicasFull(waiting=self._bound, bound=self._bound) from failure
        except DeploymentUnavailableError as failure:
            raise NotReady(_NO_REPLICAS) from failure
        return answered

    async def metrics(self) -> dict[str, str]:
        """Raises `NotReady`."""
        try:
            pages = await self._handle.broadcast("metrics").results_async(return_exceptions=True)
        except DeploymentUnavailableError as failure:
            raise NotReady(_NO_REPLICAS) from failure
        if told := dict(page for page in pages if not isinstance(page, BaseException)):
            return told
        raise NotReady(_NO_REPLICAS)


@serve.ingress()
class Ingress:
    """`__serve_build_asgi_app__` is Ray's name for what it calls after the constructor."""

    def __init__(
        self, replicas: "DeploymentHandle[Replica]", settings: dict[str, Any], scaling: dict[str, Any]
    ) -> None:
        self._replicas = replicas
        self._settings = ServerSettings.model_validate(settings)
        self._scaling = Scaling.model_validate(scaling)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        replicas = RayReplicas(self._replicas, bound=self._scaling.max_queued_requests)
        return WithoutRequestId(create_app(self._settings, replicas, attempts=self._scaling.attempts))


class WithoutRequestId:
    """Ray's proxy writes `X-Request-Id` into every answer, the same one; two would be one too many."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_without(message: Message) -> None:
            if message["type"] == "http.response.start":
                del MutableHeaders(scope=message)[HEADER]
            await send(message)

        await self._app(scope, receive, send_without)
