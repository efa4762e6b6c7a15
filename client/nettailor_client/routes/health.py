"""Whether the service is there, and what it tells of itself."""

from dataclasses import dataclass

from nettailor_client.answers.health import Readiness
from nettailor_client.errors import ClientError
from nettailor_client.operation import Operation
from nettailor_client.request import Json, Request, read_as, read_nothing, read_text
from nettailor_client.session import Session


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Whether a request succeeds, this once."""

    path: str

    async def done(self, session: Session) -> bool:
        try:
            await session.ask_once(Request(method="GET", path=self.path, parse=read_nothing))
        except ClientError:
            return False
        return True


class HealthRoutes:
    @Operation
    def is_alive(self) -> Probe:
        """Whether the service answers, ready or not."""
        return Probe(path="/healthz")

    @Operation
    def is_ready(self) -> Probe:
        return Probe(path="/readyz")

    @Operation
    def readiness(self) -> Request[Readiness]:
        """Raises `Unavailable`, which says what is missing."""
        return Request(method="GET", path="/readyz", parse=read_as(Readiness))

    @Operation
    def metrics(self) -> Request[str]:
        """In the format of Prometheus."""
        return Request(method="GET", path="/metrics", parse=read_text)

    @Operation
    def openapi(self) -> Request[Json]:
        """The description of the whole API."""
        return Request(method="GET", path="/openapi.json", parse=read_as(Json))
