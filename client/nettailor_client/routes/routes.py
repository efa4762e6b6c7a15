"""All that can be asked."""

from nettailor_client.routes.aliases import AliasRoutes
from nettailor_client.routes.backbones import BackboneRoutes
from nettailor_client.routes.datasets import DatasetRoutes
from nettailor_client.routes.files import FileRoutes
from nettailor_client.routes.health import HealthRoutes
from nettailor_client.routes.jobs import JobRoutes
from nettailor_client.routes.pages import PageRoutes
from nettailor_client.routes.predictions import PredictionRoutes
from nettailor_client.routes.tasks import TaskRoutes
from nettailor_client.routes.versions import VersionRoutes


class Routes(
    PredictionRoutes,
    DatasetRoutes,
    JobRoutes,
    TaskRoutes,
    VersionRoutes,
    FileRoutes,
    AliasRoutes,
    BackboneRoutes,
    PageRoutes,
    HealthRoutes,
):
    pass
