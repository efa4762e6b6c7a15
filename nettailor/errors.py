"""Every error the method and the bundle format raise.

NetTailorError
├── ImageInvalid              not an image
│   └── ImageTooLarge         too many pixels
├── BackboneUnknown           no backbone of that name
├── BackboneWeightsInvalid    a weights file does not fit the backbone
├── FeaturesFileInvalid       a file of expected features cannot be read
├── FeaturesOther             a backbone gives other features than those expected
├── PlanInvalid               a plan contradicts itself or the backbone
│   └── PlanCutsEveryPath     nothing is left between the stem and the classifier
├── CostTableInvalid          a table of measured milliseconds lacks a path or has a bad figure
└── BundleInvalid             a bundle cannot be used; `where` says which part
    ├── BundleTooLarge
    ├── BundleMalformed       not safetensors, or the header lies
    ├── BundleManifestInvalid
    ├── BundleTensorInvalid   a tensor is missing, surplus, of a wrong shape or type, or not finite
    ├── BundleWrongBackbone   made for a backbone of another fingerprint
    └── ChainInvalid          what the bundle stands on cannot be used
        ├── ChainLinkMissing  a bundle of the chain is not there
        ├── ChainLinkInvalid  one is not sound, or of another method
        ├── ChainCyclic       one stands on itself
        ├── ChainTooLong
        ├── ChainOtherBackbone  one was made for another backbone
        └── ChainOverlaps     a weight belongs to two of them, or to one and the backbone
"""

from pathlib import Path


class NetTailorError(Exception):
    """Root of the tree."""


class ImageInvalid(NetTailorError):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ImageTooLarge(ImageInvalid):
    """`size` is in words: 4000 x 3000."""

    def __init__(self, size: str, max_pixels: int) -> None:
        super().__init__(f"{size} pixels, the limit is {max_pixels}")


class BackboneUnknown(NetTailorError):
    def __init__(self, backbone: str, known: list[str]) -> None:
        super().__init__(f"unknown backbone {backbone!r}; known: {', '.join(known)}")
        self.backbone = backbone


class BackboneWeightsInvalid(NetTailorError):
    def __init__(self, backbone: str, source: str, reason: str) -> None:
        super().__init__(f"weights {source} do not fit backbone {backbone}: {reason}")
        self.backbone = backbone
        self.source = source


class FeaturesFileInvalid(NetTailorError):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


class FeaturesOther(NetTailorError):
    pass


class PlanInvalid(NetTailorError):
    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"invalid plan at {where}: {reason}")
        self.where = where


class PlanCutsEveryPath(PlanInvalid):
    def __init__(self, where: str) -> None:
        super().__init__(where, "no path is left from the stem to the classifier")


class CostTableInvalid(NetTailorError):
    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"cost table {source}: {reason}")
        self.source = source


class BundleInvalid(NetTailorError):
    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"bundle unusable at {where}: {reason}")
        self.where = where
        self.reason = reason


class BundleTooLarge(BundleInvalid):
    def __init__(self, where: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(where, f"{size_bytes} bytes, the limit is {limit_bytes}")


class BundleMalformed(BundleInvalid):
    pass


class BundleManifestInvalid(BundleInvalid):
    pass


class BundleTensorInvalid(BundleInvalid):
    pass


class BundleWrongBackbone(BundleInvalid):
    def __init__(self, expected: str, found: str) -> None:
        super().__init__("manifest.backbone", f"made for fingerprint {found}, this server holds {expected}")
        self.expected = expected
        self.found = found


class ChainInvalid(BundleInvalid):
    def __init__(self, reason: str) -> None:
        super().__init__("manifest.predecessor", reason)


class ChainLinkMissing(ChainInvalid):
    def __init__(self, digest: str) -> None:
        super().__init__(f"it stands on bundle {digest}, which is not here")
        self.digest = digest


class ChainLinkInvalid(ChainInvalid):
    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(f"it stands on bundle {digest}: {reason}")
        self.digest = digest


class ChainCyclic(ChainInvalid):
    def __init__(self, digest: str) -> None:
        super().__init__(f"bundle {digest} stands on itself")
        self.digest = digest


class ChainTooLong(ChainInvalid):
    def __init__(self, limit: int) -> None:
        super().__init__(f"it stands on more than {limit} bundles")


class ChainOtherBackbone(ChainInvalid):
    def __init__(self, digest: str, expected: str, found: str) -> None:
        super().__init__(f"it stands on bundle {digest} of backbone {found}, and is of backbone {expected}")
        self.digest = digest


class ChainOverlaps(ChainInvalid):
    """`owner` and `other` are bundles, by task, or the backbone."""

    def __init__(self, convolution: str, count: int, owner: str, other: str) -> None:
        super().__init__(f"{count} weights of {convolution} belong to {owner} and to {other}, too")
