"""Damage as disks do it: behind the registry's back."""

from registry.storage.blobs import Blobs


def corrupt(blobs: Blobs, digest: str, content: bytes = b"not what it was") -> None:
    """Put other bytes where a blob is."""
    name = digest.removeprefix("sha256:")
    blobs.store.write(f"sha256/{name[:2]}/{name}", content)
