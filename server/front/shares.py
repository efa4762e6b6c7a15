"""What one of several fronts may use of what the settings allow to all of them (torch-free).

Rate limits and the bounds of the queue are counted for all together, and not shared out.
"""

from server.settings import ServerSettings

_SHARED = ("bodies_bound_bytes", "pixel_bound", "decode_pixels", "decode_threads", "max_connections")


def share(settings: ServerSettings, fronts: int) -> ServerSettings:
    """The settings of one front; what remains of a division goes to every one."""
    return settings.model_copy(update={name: -(-getattr(settings, name) // fronts) for name in _SHARED})
