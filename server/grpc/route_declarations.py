"""The calls of the service as routes: gRPC is HTTP/2, and a call is a POST to its name. Each needs the scope that its
counterpart under `/v2` needs (torch-free)."""

from collections.abc import Mapping

from hosting.access.body_limit import BODY_OF_SETTINGS
from hosting.access.route_table import Route
from server.http.open_inference import route_declarations as rest

_COUNTERPARTS: Mapping[str, Route] = {
    "ServerLive": rest.LIVE,
    "ServerReady": rest.READY,
    "ServerMetadata": rest.SERVER,
    "ModelReady": rest.MODEL_READY,
    "ModelMetadata": rest.METADATA,
    "ModelConfig": rest.CONFIG,
    "ModelStatistics": rest.STATISTICS,
    "ModelInfer": rest.INFER,
    "ModelStreamInfer": rest.INFER,
    "RepositoryIndex": rest.INDEX,
    "RepositoryModelLoad": rest.LOAD,
    "RepositoryModelUnload": rest.UNLOAD,
}

ROUTES: Mapping[str, Route] = {
    name: Route(
        method="POST",
        path=f"/inference.GRPCInferenceService/{name}",
        scope=counterpart.scope,
        is_prediction=counterpart.is_prediction,
        body=BODY_OF_SETTINGS,
    )
    for name, counterpart in _COUNTERPARTS.items()
}
