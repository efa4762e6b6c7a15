"""The composition root on Ray: ingresses before replicas, as one Serve application."""

from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig, RequestRouterConfig

from deploy.ray.ingress import Ingress
from deploy.ray.replica import Replica
from deploy.ray.scaling import Scaling
from deploy.ray.shared_redis import shared_redis
from server.settings import ServerSettings

_INGRESS_ONGOING = 4096  # reading and waiting costs an ingress little; replicas bound what runs
_GRACE_S = 10.0  # beyond a request's timeout, before what is left of a draining replica is killed
_HEALTH_PERIOD_S = 5.0
_HEALTH_TIMEOUT_S = 30.0


def build(scaling: Scaling, settings: ServerSettings) -> Application:
    """The same settings for every replica and ingress, wherever they run. Raises `RegistryNotShared`."""
    shared_redis(settings)
    # Folders by their full names: replicas have other working directories.
    absolute = {"data_dir": settings.data_dir.absolute(), "blobs_url": settings.blobs_location}
    shared = settings.model_copy(update=absolute).model_dump(mode="json")
    drain_s = settings.request_timeout_ms / 1000 + _GRACE_S
    replicas = serve.deployment(
        name="Replica",
        max_ongoing_requests=scaling.max_ongoing_requests,
        max_queued_requests=scaling.max_queued_requests,
        ray_actor_options=_actor(scaling.num_cpus, scaling.num_gpus, scaling.replica_resources),
        graceful_shutdown_timeout_s=drain_s,
        health_check_period_s=_HEALTH_PERIOD_S,
        health_check_timeout_s=_HEALTH_TIMEOUT_S,
        **_number(scaling),
        **_routing(scaling),
    )(Replica).bind(shared)
    ingress = serve.deployment(
        name="Ingress",
        num_replicas=scaling.ingresses,
        max_ongoing_requests=_INGRESS_ONGOING,
        ray_actor_options=_actor(0, 0, scaling.ingress_resources),
        graceful_shutdown_timeout_s=drain_s + _GRACE_S,
    )(Ingress)
    return ingress.bind(replicas, shared, scaling.model_dump(mode="json"))


def _actor(cpus: float, gpus: float, resources: dict[str, float]) -> dict[str, Any]:
    return {"num_cpus": cpus, "num_gpus": gpus, "resources": resources}


def _number(scaling: Scaling) -> dict[str, Any]:
    if scaling.max_replicas is None:
        return {"num_replicas": scaling.replicas}
    autoscaling = AutoscalingConfig(
        min_replicas=scaling.replicas,
        max_replicas=scaling.max_replicas,
        target_ongoing_requests=scaling.target_ongoing_requests,
        upscale_delay_s=scaling.upscale_delay_s,
        downscale_delay_s=scaling.downscale_delay_s,
    )
    return {"autoscaling_config": autoscaling}


def _routing(scaling: Scaling) -> dict[str, Any]:
    if scaling.routing == "any":
        return {}
    options: dict[str, Any] = {
        "request_router_class": "deploy.ray.router:ResidencyRouter",
        "request_router_kwargs": {"advertise_s": scaling.advertise_s},
        "request_routing_stats_period_s": scaling.advertise_s,
    }
    router = RequestRouterConfig(**options)
    return {"request_router_config": router}
