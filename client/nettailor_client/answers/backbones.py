"""Backbones of the registry."""

from nettailor_client.answers.document import Document


class Backbone(Document):
    """Weights that were added under a name. `architecture` and `fingerprint` are the ones that manifests name."""

    name: str
    architecture: str
    fingerprint: str
    digest: str
    size_bytes: int
    added_at: str
    actor: str
    note: str
