"""The calls of the service as routes: gRPC is HTTP/2, and a call is a POST to its name (torch-free)."""

from collections.abc import Mapping

from hosting.access.body_limit import BODY_OF_SETTINGS
from hosting.access.keys import Scope
from hosting.access.route_table import Route

_SCOPES: Mapping[str, Scope | None] = {
    "ServerLive": None,
    "ServerReady": None,
    "ServerMetadata": "read",
    "ModelReady": "read",
    "ModelMetadata": "read",
    "ModelConfig": "read",
    "ModelStatistics": "read",
    "ModelInfer": "predict",
    "ModelStreamInfer": "predict",
    "RepositoryIndex": "read",
    "RepositoryModelLoad": "admin",
    "RepositoryModelUnload": "admin",
}
_PREDICTIONS = ("ModelInfer", "ModelStreamInfer")

ROUTES: Mapping[str, Route] = {
    name: Route(
        method="POST",
        path=f"/inference.GRPCInferenceService/{name}",
        scope=scope,
        is_prediction=name in _PREDICTIONS,
        body=BODY_OF_SETTINGS,
    )
    for name, scope in _SCOPES.items()
}
