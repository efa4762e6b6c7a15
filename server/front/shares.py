"""What one of several fronts may use of what the settings allow to all of them (torch-free).

Rate limits, the bounds of the queue and the connections of one address are counted for all together, not shared out.
"""

from server.settings import ServerSettings

_SHARED = ("bodies_bound_bytes", "pixel_bound", "decode_pixels", "decode_threads", "max_connections")


def share(settings: ServerSettings, fronts: int) -> ServerSettings:
    """The settings of one front; what remains of a division goes to every one. A body that one process would take is
    taken by each of any number of fronts."""
    shares = {name: -(-getattr(settings, name) // fronts) for name in _SHARED}
    least_bytes = min(settings.max_body_bytes, settings.bodies_bound_bytes)
    shares["bodies_bound_bytes"] = max(shares["bodies_bound_bytes"], least_bytes)
    return settings.model_copy(update=shares)
