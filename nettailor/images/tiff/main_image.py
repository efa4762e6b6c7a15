"""Which picture of a TIFF file is the one it is for, what its samples mean, and what is not read."""

import math
from dataclasses import dataclass

from nettailor.bundle.preprocessing import ValueRange
from nettailor.errors import ImageInvalid
from nettailor.images.tiff import directory as tags
from nettailor.images.tiff.directory import Directory, directories
from nettailor.images.tiff.rewrite import rewritten

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _MASK, _CMYK, _YCBCR = 0, 1, 2, 4, 5, 6
_SENSOR = (32803, 34892)  # photometric interpretations of raw files: a colour filter's mosaic, and linear raw
_CHANNELS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, 3: 1, _CMYK: 4, _YCBCR: 3, 8: 3}
_ASSOCIATED_ALPHA, _ALPHA = 1, 2  # of the band that is behind the colours
_MOST = 64  # bands, and bits of each, that make sense

_SAMPLE_RANGES = ((tags.SIGNED_MIN_SAMPLE, tags.SIGNED_MAX_SAMPLE), (tags.MIN_SAMPLE, tags.MAX_SAMPLE))
_THUMBNAIL = 512  # pixels of the longer side of a first picture that may be the small version of another


@dataclass(frozen=True, kw_only=True, eq=False)
class MainImage:
    """`files` are TIFF files of this picture and nothing else, which a decoder gets right: one, or a grey one for each
    plane of a picture that is stored plane by plane."""

    files: tuple[bytes, ...]
    stated: ValueRange | None  # what the least and the greatest sample mean by the tags
    white_is_zero: bool  # and the decoder, which is told the opposite, does not turn it round
    signed_bytes: bool  # the decoder takes them for unsigned ones
    kind: str  # for a message


def main_image(data: bytes) -> MainImage:
    """Raises `ImageInvalid` for a camera's raw file and for samples that mean no colours."""
    found = directories(data)
    if not found:
        raise ImageInvalid("not a readable image (a TIFF without a picture)")
    chosen = _chosen(found)
    _refuse(chosen, found[0])
    deep = max(_bits(chosen)) > 8 or _is_signed(chosen)
    white_is_zero = chosen.number(tags.PHOTOMETRIC, 0) == _WHITE_IS_ZERO and deep
    return MainImage(
        files=_files(chosen, {tags.PHOTOMETRIC: (_BLACK_IS_ZERO,)} if white_is_zero else {}),
        stated=_stated(chosen),
        white_is_zero=white_is_zero,
        signed_bytes=_is_signed(chosen) and max(_bits(chosen)) == 8,
        kind=_kind(chosen),
    )


def _chosen(found: list[Directory]) -> Directory:
    """The first picture, unless it is the small version of another: by its tag, or by its size and shape."""
    pictures = [one for one in found if one.pixels and not _is_reduced(one)]
    if not pictures:
        return found[0]
    first = found[0]
    if _is_reduced(first):
        return max(pictures, key=lambda one: one.pixels)  # of equal ones the first
    larger = [one for one in pictures if _shows_the_same_larger(first, one)]
    return max(larger, key=lambda one: one.pixels, default=first)


def _is_reduced(directory: Directory) -> bool:
    """Whether it says of itself that it is a reduced version, or a mask."""
    return bool(directory.number(tags.NEW_SUBFILE_TYPE, 0) & 0b101) or directory.number(tags.SUBFILE_TYPE, 0) == 2


def _shows_the_same_larger(small: Directory, large: Directory) -> bool:
    width, height = small.number(tags.WIDTH, 0), small.number(tags.HEIGHT, 0)
    if max(width, height) > _THUMBNAIL or large.number(tags.WIDTH, 0) < 2 * width:
        return False
    scale = large.number(tags.WIDTH, 0) / max(1, width)
    return abs(large.number(tags.HEIGHT, 0) / scale - height) <= 1  # the small one's sides were rounded


def _refuse(chosen: Directory, first: Directory) -> None:
    photometric, bands, bits = chosen.number(tags.PHOTOMETRIC, 0), _bands(chosen), _bits(chosen)
    if tags.DNG_VERSION in first.entries or photometric in _SENSOR or chosen.data[8:10] == b"CR":
        raise ImageInvalid("a camera's raw file, which is not developed here; export it as JPEG, PNG or TIFF")
    if not 0 < bands <= _MOST or not 0 < min(bits) <= max(bits) <= _MOST:
        raise ImageInvalid(f"not a readable image (a TIFF of {_kind(chosen)})")
    if 3 in chosen.numbers(tags.SAMPLE_FORMAT):
        raise ImageInvalid("its pixels are fractions of unknown range; save it with 8 or 16 bits")
    if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) and bands > 2:
        raise ImageInvalid(f"{bands} bands that are neither grey nor RGB; save it as RGB")
    if photometric == _CMYK and chosen.number(tags.INK_SET, 1) != 1:
        raise ImageInvalid("its inks are other than cyan, magenta, yellow and black; save it as RGB")
    if photometric == _MASK:
        raise ImageInvalid("a mask, not a picture")
    _refuse_arrangement(chosen)


def _refuse_arrangement(chosen: Directory) -> None:
    """What no decoder here puts together."""
    photometric, is_planar = chosen.number(tags.PHOTOMETRIC, 0), _is_planar(chosen)
    if is_planar and photometric != _RGB and max(_bits(chosen)) > 8:
        raise ImageInvalid("stored plane by plane with more than 8 bits; save it interleaved")
    if is_planar and photometric == _RGB and chosen.number(tags.EXTRA_SAMPLES, 0) == _ASSOCIATED_ALPHA:
        raise ImageInvalid("its colours are multiplied by its transparency, plane by plane; save it interleaved")
    is_plain_ycbcr = photometric == _YCBCR and chosen.number(tags.COMPRESSION, 1) == 1
    if is_plain_ycbcr and set(chosen.numbers(tags.COLOUR_SUBSAMPLING)) != {1}:
        raise ImageInvalid("uncompressed YCbCr with fewer colour samples than pixels; save it as RGB")


def _files(chosen: Directory, changes: dict[int, tuple[int, ...]]) -> tuple[bytes, ...]:
    bands = _bands(chosen)
    unnamed = bands - _CHANNELS.get(chosen.number(tags.PHOTOMETRIC, 0), bands)
    if unnamed > 0 and tags.EXTRA_SAMPLES not in chosen.entries:
        changes[tags.EXTRA_SAMPLES] = (0,) * unnamed  # a band nobody calls alpha is none
    if _is_planar(chosen) and chosen.number(tags.PHOTOMETRIC, 0) == _RGB:
        has_alpha = chosen.number(tags.EXTRA_SAMPLES, 0) == _ALPHA
        return tuple(_plane(chosen, plane) for plane in range(4 if has_alpha else 3))
    return (rewritten(chosen, changes),)


def _plane(chosen: Directory, plane: int) -> bytes:
    """One band as a grey picture: its share of the strips or tiles."""
    changes: dict[int, tuple[int, ...]] = {
        tags.PHOTOMETRIC: (_BLACK_IS_ZERO,),
        tags.BITS: _bits(chosen)[:1],
        tags.SAMPLES: (1,),
        tags.SAMPLE_FORMAT: (chosen.number(tags.SAMPLE_FORMAT, 1),),
        tags.PLANAR: (1,),
        tags.EXTRA_SAMPLES: (),
    }
    strips = (tags.STRIP_OFFSETS, tags.STRIP_LENGTHS, tags.TILE_OFFSETS, tags.TILE_LENGTHS)
    return rewritten(chosen, changes, parts=dict.fromkeys(strips, (plane, _bands(chosen))))


def _stated(chosen: Directory) -> ValueRange | None:
    """By the number of bits, or by the tags of the least and the greatest value."""
    bits, signed = _bits(chosen)[0], _is_signed(chosen)
    if 8 < bits < 16:
        return 0, 2**bits - 1
    if bits <= 8 and not signed:
        return None
    channels = _CHANNELS.get(chosen.number(tags.PHOTOMETRIC, 0), 1)
    # what encoders write without having looked
    whole = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    for least, greatest in _SAMPLE_RANGES:
        low = min(chosen.numbers(least)[:channels], default=0)
        high = max(chosen.numbers(greatest)[:channels], default=0)
        if -(2**31) <= low < high < 2**31 and (low, high) != whole:
            return math.floor(low), math.ceil(high)
    return None


def _is_planar(directory: Directory) -> bool:
    return directory.number(tags.PLANAR, 1) == 2 and _bands(directory) > 1


def _bands(directory: Directory) -> int:
    return directory.number(tags.SAMPLES, 1)


def _bits(directory: Directory) -> tuple[int, ...]:
    return tuple(int(number) for number in directory.numbers(tags.BITS)) or (1,)


def _is_signed(directory: Directory) -> bool:
    return directory.number(tags.SAMPLE_FORMAT, 1) == 2


def _kind(chosen: Directory) -> str:
    photometric, bands = chosen.number(tags.PHOTOMETRIC, 0), _bands(chosen)
    compression = chosen.number(tags.COMPRESSION, 1)
    return f"compression {compression}, interpretation {photometric}, {bands} samples of {_bits(chosen)[0]} bits"
