"""Every error of what comes from others.

SupplyChainError
└── RegistryUnanswered   an image's registry gives no digest
"""


class SupplyChainError(Exception):
    """Root of the tree."""


class RegistryUnanswered(SupplyChainError):
    def __init__(self, image: str, reason: str) -> None:
        super().__init__(f"no digest of {image}: {reason}")
        self.image = image
        self.reason = reason
