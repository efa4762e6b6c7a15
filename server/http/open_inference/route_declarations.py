"""The routes under `/v2`. A model is named `task` or `task@alias`.

No segment of a path may have a choice, so `/v2/models/stats`, the statistics of all models, is the metadata of the
model `stats`: what a task of that name has to say of itself is found at `stats@live`.
"""

from hosting.access.body_limit import BODY_OF_SETTINGS
from hosting.access.route_table import Route

_MODEL, _VERSION = "/v2/models/{task}", "/v2/models/{task}/versions/{version}"

# They say what the server is and whether it is there, as `/healthz`, `/readyz` and `/metrics` do.
LIVE = Route(method="GET", path="/v2/health/live", scope=None)
READY = Route(method="GET", path="/v2/health/ready", scope=None)
SERVER = Route(method="GET", path="/v2", scope=None)
SERVER_SLASH = Route(method="GET", path="/v2/", scope=None)

# Whoever may predict may know with what and what for.
METADATA = Route(method="GET", path=_MODEL, scope="predict")
METADATA_OF_VERSION = Route(method="GET", path=_VERSION, scope="predict")
MODEL_READY = Route(method="GET", path=f"{_MODEL}/ready", scope="predict")
MODEL_READY_OF_VERSION = Route(method="GET", path=f"{_VERSION}/ready", scope="predict")
CONFIG = Route(method="GET", path=f"{_MODEL}/config", scope="predict")
CONFIG_OF_VERSION = Route(method="GET", path=f"{_VERSION}/config", scope="predict")
INFER = Route(method="POST", path=f"{_MODEL}/infer", scope="predict", is_prediction=True, body=BODY_OF_SETTINGS)
INFER_OF_VERSION = Route(
    method="POST", path=f"{_VERSION}/infer", scope="predict", is_prediction=True, body=BODY_OF_SETTINGS
)

MODELS = Route(method="GET", path="/v2/models", scope="read")
STATISTICS = Route(method="GET", path=f"{_MODEL}/stats", scope="read")
STATISTICS_OF_VERSION = Route(method="GET", path=f"{_VERSION}/stats", scope="read")
INDEX = Route(method="POST", path="/v2/repository/index", scope="read")

# What is on the device is everybody's memory.
LOAD = Route(method="POST", path="/v2/repository/models/{task}/load", scope="admin")
UNLOAD = Route(method="POST", path="/v2/repository/models/{task}/unload", scope="admin")

ALL_STATISTICS = "stats"  # the model of this name stands for all of them

ROUTES = (
    *(LIVE, READY, SERVER, SERVER_SLASH),
    *(METADATA, METADATA_OF_VERSION, MODEL_READY, MODEL_READY_OF_VERSION, CONFIG, CONFIG_OF_VERSION),
    *(INFER, INFER_OF_VERSION),
    *(MODELS, STATISTICS, STATISTICS_OF_VERSION, INDEX, LOAD, UNLOAD),
)
