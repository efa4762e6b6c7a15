"""Every error of the Ray application's own making.

RayError
├── RegistryNotShared    the settings name no Redis that replicas on other machines could reach
├── ReplicaGone          the replica that had a request went away before it answered
├── ReplicasFull         more requests wait for a replica than may
└── ReplicasLost         every attempt at a request met a replica that went away
"""


class RayError(Exception):
    """Root of the tree."""


class RegistryNotShared(RayError):
    def __init__(self, setting: str) -> None:
        super().__init__(f"{setting} is not set: replicas share one registry, so they need a Redis they can all reach")
        self.setting = setting


class ReplicaGone(RayError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the replica went away: {reason}")
        self.reason = reason


class ReplicasFull(RayError):
    def __init__(self, *, waiting: int, bound: int) -> None:
        super().__init__(f"{waiting} requests wait for a replica, the bound is {bound}")
        self.waiting = waiting
        self.bound = bound


class ReplicasLost(RayError):
    def __init__(self, attempts: int) -> None:
        super().__init__(f"{attempts} replicas in turn went away with this request")
        self.attempts = attempts
