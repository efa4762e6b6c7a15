"""The chain of a bundle of method `packnet`: it stands on a predecessor, that on another one, down to the first, which
stands on the backbone alone. The network of a task has the weights of all of them; each weight belongs to one.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nettailor.architecture.geometry import geometry
from nettailor.bundle.bundle import Bundle, decode
from nettailor.bundle.tensors.masks import MASKS, masked_weights, unpacked_mask
from nettailor.errors import (
    BundleInvalid,
    ChainCyclic,
    ChainLinkInvalid,
    ChainLinkMissing,
    ChainOtherBackbone,
    ChainOverlaps,
    ChainTooLong,
)

MOST_LINKS = 100  # bundles that one stands on; a quarter of what is free each, hardly a weight is left by then

Read = Callable[[str], bytes | None]  # the bytes of a digest, None where they are not there


def linked(bundle: Bundle, read: Read) -> Bundle:
    """The bundle with the chain that it stands on, checked; one of another method as it is.

    Raises subclasses of `ChainInvalid`.
    """
    if bundle.manifest.predecessor is None:
        return bundle
    links: list[Bundle] = []
    digest: str | None = bundle.manifest.predecessor
    while digest is not None:
        if digest in {bundle.digest, *(link.digest for link in links)}:
            raise ChainCyclic(digest)
        if len(links) == MOST_LINKS:
            raise ChainTooLong(MOST_LINKS)
        links.append(_link(bundle, digest, read))
        digest = links[-1].manifest.predecessor
    found = replace(bundle, chain=tuple(reversed(links)))
    _check_disjoint(found)
    return found


def family(bundle: Bundle) -> tuple[Bundle, ...]:
    """The bundles whose weights its network has, itself the last. Raises `ChainLinkMissing` if it is not linked."""
    predecessor = bundle.manifest.predecessor
    if predecessor is not None and not bundle.chain:
        raise ChainLinkMissing(predecessor)
    return (*bundle.chain, bundle)


def _link(bundle: Bundle, digest: str, read: Read) -> Bundle:
    data = read(digest)
    if data is None:
        raise ChainLinkMissing(digest)
    try:
        link = decode(data)
    except BundleInvalid as fault:
        raise ChainLinkInvalid(digest, f"{fault.where}: {fault.reason}") from fault
    if not link.manifest.is_packed:
        raise ChainLinkInvalid(digest, f"it is of method {link.manifest.method}")
    expected, found = (one.manifest.backbone.fingerprint for one in (bundle, link))
    if found != expected:
        raise ChainOtherBackbone(digest, expected, found)
    return replace(link, digest=digest)


def _check_disjoint(bundle: Bundle) -> None:
    """Raises `ChainOverlaps`."""
    for name, shape in masked_weights(geometry(bundle.manifest.backbone.id)).items():
        taken = np.zeros(shape, bool)
        for link in family(bundle):
            own = unpacked_mask(link.tensors[name], shape)
            if count := int((own & taken).sum()):
                others = "others of its chain"
                raise ChainOverlaps(name.removeprefix(MASKS), count, f"bundle {link.digest}", others)
            taken |= own
