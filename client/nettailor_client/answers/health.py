"""Whether a service can be asked."""

from nettailor_client.answers.document import Document


class Readiness(Document):
    """`tasks` is how many can be asked; `backbones` are those in memory, the service's own first."""

    state: str
    tasks: int
    backbones: tuple[str, ...] = ()
