"""Whether a service can be asked."""

from nettailor_client.answers.document import Document


class Readiness(Document):
    """`tasks` is how many can be asked."""

    state: str
    tasks: int
