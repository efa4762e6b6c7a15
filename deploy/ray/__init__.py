"""The server on a Ray cluster: one application of many replicas, each with its own engine and residency.

`serve run deploy.ray:app`, or `python -m deploy.ray`. Importing this needs no Ray; building the application does
(extra `ray`).
"""

from typing import TYPE_CHECKING

from deploy.ray.scaling import Scaling
from server.settings import ServerSettings

if TYPE_CHECKING:
    from ray.serve import Application


def app(scaling: Scaling) -> "Application":
    """The application, for `serve run` and `serve build`. Settings of the server come from the environment of whoever
    builds it and hold for every replica. Raises `RegistryNotShared`.
    """
    from deploy.ray.application import build

    return build(scaling, ServerSettings())
