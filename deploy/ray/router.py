"""The router: which replica an ingress gives a request to. It lives in the ingress, one for all its requests."""

from typing import Any

from ray.serve.request_router import PendingRequest, ReplicaID, RequestRouter, RunningReplica

from deploy.ray.messages import Call
from deploy.ray.places import HELD, Held, Sent, ranked

_TELLING_PERIODS = 3.0  # until what a replica holds has come here for sure: told, collected, passed on


class ResidencyRouter(RequestRouter):
    """To a replica that holds the request's tasks, as the replicas tell it; see `places`.

    Ray tries one rank after the other and takes, within a rank, the replica with the fewest requests under way, if it
    has room for one more. So a task that is asked more than one replica can answer spreads to a second one, and from
    then on both are asked.

    Tasks are read from the call, not from Ray's `multiplexed_model_id`: for each such id that was ever sent, Ray keeps
    the last request, its images included, and the ids come from clients.
    """

    def initialize_state(self, **kwargs: Any) -> None:
        """Ray hands over the `request_router_kwargs`: `advertise_s`."""
        self._sent = Sent(_TELLING_PERIODS * kwargs["advertise_s"])
        self._held: dict[str, Held] = {}

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        """Ray calls this whenever a replica comes, goes, or tells something new."""
        self._held = {replica.replica_id.unique_id: _held(replica) for replica in replicas}
        super().update_replicas(replicas)

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Ranks of replicas, the best first."""
        if pending_request is None:
            return [candidate_replicas]
        # Or Ray would ask again at once, for as long as every replica is full.
        pending_request.routing_context.should_backoff = True
        call: Call = pending_request.args[0]
        if not call.tasks:
            return [candidate_replicas]
        by_name = {replica.replica_id.unique_id: replica for replica in candidate_replicas}
        held = {name: self._held.get(name, {}) for name in by_name}
        return [[by_name[name] for name in rank] for rank in ranked(call.tasks, held, self._sent.of(call.tasks))]

    def on_request_routed(self, pending_request: PendingRequest, replica_id: ReplicaID, result: Any) -> None:
        """Ray calls this when a replica has accepted a request."""
        call: Call = pending_request.args[0]
        told = self._held.get(replica_id.unique_id, {}).get("device", ())
        for task in call.tasks:
            if task not in told:
                self._sent.add(task, replica_id.unique_id)


def _held(replica: RunningReplica) -> Held:
    """Nothing until it has told for the first time."""
    return {tier: frozenset(tasks) for tier, tasks in replica.routing_stats.get(HELD, {}).items()}
