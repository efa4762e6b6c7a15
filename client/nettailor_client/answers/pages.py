"""Links to pages of the service."""

from nettailor_client.answers.document import Document


class Link(Document):
    """`url` goes behind the address of the service. Where nothing is locked it is the path, and `expires_at` None."""

    url: str
    expires_at: str | None
