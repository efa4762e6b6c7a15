"""What an upload may cost: every bound that hostile archives are held to."""

from dataclasses import dataclass

from trainer.settings import Settings

MIB = 1024**2


@dataclass(frozen=True, kw_only=True)
class IntakeLimits:
    """Bounds on one upload; the defaults fit a laptop."""

    # of the archive as sent
    upload_bytes: int = 2048 * MIB
    # files and folders in it; also what bounds memory, about 1 KB each
    members: int = 200_000
    # of all files when unpacked
    unpacked_bytes: int = 8192 * MIB
    # unpacked over packed; honest images do not shrink, drawings seldom more than a hundredfold
    ratio: float = 200.0
    # archives that unpack to less than this are harmless whatever their ratio
    ratio_floor_bytes: int = 16 * MIB
    path_depth: int = 16
    path_bytes: int = 1024
    # a larger file is skipped unread, so that memory stays bounded
    image_bytes: int = 64 * MIB
    # a larger image is skipped before a pixel is decoded
    image_pixels: int = 40_000_000
    # fewer usable images in any class, or fewer classes, fail the job
    images_per_class: int = 8
    classes: int = 2


def intake_limits(settings: Settings) -> IntakeLimits:
    """What an upload may hold. It stands here and not in `trainer.wiring`, because a look at data needs no Redis."""
    return IntakeLimits(
        upload_bytes=settings.upload_mib * MIB,
        unpacked_bytes=settings.unpacked_mib * MIB,
        image_pixels=settings.image_megapixels * 1_000_000,
    )
