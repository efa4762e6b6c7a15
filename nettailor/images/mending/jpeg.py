"""JPEG files without the segments that no picture needs, and with the end marker that some lack.

A JPEG file is a row of segments, each behind a marker; a scan's segment is followed by compressed pixels, which go on
up to the next marker. Scans of a progressive file add detail to each other.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # among pixels a zero after FF makes it none, and D0 to D7 restart
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SOI, _EOI, _SOS, _DRI, _COM = 0xD8, 0xD9, 0xDA, 0xDD, 0xFE
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), (0xC2,)
_COMPONENTS = 4  # of a scan, by the standard
_SEGMENTS = 10_000  # real files have some dozens

_START, _END = b"\xff\xd8", b"\xff\xd9"
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"  # says how colours are meant, and no more
# Application segments that change how the picture looks (colours, orientation, profile), and their least length
_SHOWN = ((0xEE, b"Adobe", 12), (0xE1, b"Exif\0\0", 6), (0xE2, b"ICC_PROFILE\0", 14))

# Compressed pixels that no encoder wrote, to see whether the picture depends on what is missing. They begin with other
# bits than each other and than zero, which is what the decoder takes where there is nothing.
_FOREIGN = (bytes(0x80 | 37 * k % 127 for k in range(64)), bytes(1 + 89 * k % 251 for k in range(64)))
_LOST = 16  # so many zeros at the end are what a file system puts where it lost data


@dataclass(frozen=True, kw_only=True)
class _Segment:
    marker: int
    start: int  # in the file, with the marker
    payload: bytes
    end: int  # with the compressed pixels, if it is a scan's


@dataclass(frozen=True, kw_only=True)
class _Frame:
    progressive: bool
    width: int
    height: int
    sampling: dict[int, tuple[int, int]]  # of each component


def has_lost_its_end(file: bytes) -> bool:
    """Whether there are zeros where the last pixels and the end marker should be; a decoder shows them as grey."""
    return file.endswith(bytes(_LOST)) and not file.rstrip(b"\0").endswith(_END)


def mended(file: bytes) -> tuple[bytes, ...]:
    """The file in one form, or in several that end differently where its end is missing (`Mended`); none where it
    cannot be read, or lacks scans."""
    segments = list(_segments(file))
    kept = _START + b"".join(_kept(file, segment) for segment in segments)
    if segments and segments[-1].marker == _EOI:
        return (kept,)
    if not _has_all_scans(file, segments):
        return ()
    cut = _without_padding(kept)
    return (cut + _END, *(cut + foreign + _END for foreign in _FOREIGN))


def _segments(file: bytes) -> Iterator[_Segment]:
    """Up to the end marker, or to where the file ends; a segment that is cut off is left out."""
    place = len(_START)
    for _ in range(_SEGMENTS):
        found = _MARKER.search(file, place)
        if found is None:
            return
        marker, inside = file[found.end() - 1], found.end()
        if marker == _EOI:
            yield _Segment(marker=marker, start=found.start(), payload=b"", end=inside)
            return
        place = inside + int.from_bytes(file[inside : inside + 2], "big")
        if place < inside + 2 or place > len(file):
            return
        payload = file[inside + 2 : place]
        if marker == _SOS:
            following = _MARKER.search(file, place)
            place = len(file) if following is None else following.start()
        yield _Segment(marker=marker, start=found.start(), payload=payload, end=place)


def _kept(file: bytes, segment: _Segment) -> bytes:
    if segment.marker == 0xE0 and segment.payload.startswith(b"JFIF"):
        return _JFIF
    if (0xE0 <= segment.marker <= 0xEF or segment.marker == _COM) and not _changes_the_picture(segment):
        return b""
    return file[segment.start : segment.end]


def _changes_the_picture(segment: _Segment) -> bool:
    return any(
        segment.marker == marker and segment.payload.startswith(name) and len(segment.payload) >= least
        for marker, name, least in _SHOWN
    )


def _without_padding(file: bytes) -> bytes:
    """Without half a marker at the end, and without zeros in place of pixels."""
    cut = file.rstrip(b"\xff")
    shorter = cut.rstrip(b"\0")
    return shorter.rstrip(b"\xff") if len(cut) - len(shorter) >= _LOST else cut


def _has_all_scans(file: bytes, segments: Sequence[_Segment]) -> bool:
    """Whether no scan is missing, and none of the parts that the last one has between restart markers.

    What else may be missing of the last scan shows in the pixels.
    """
    frame = next((_frame(one) for one in segments if one.marker in (*_SEQUENTIAL, *_PROGRESSIVE)), None)
    scans = [one for one in segments if one.marker == _SOS and _is_scan(one.payload)]
    if frame is None or not scans or 0 in (frame.width, frame.height):
        return False
    restarts = [int.from_bytes(one.payload[:2], "big") for one in segments if one.marker == _DRI] or [0]
    # between scans it may change, which no encoder does
    parts = _parts(frame, scans[-1], restarts[-1])
    return _is_complete(frame, scans) and len(_RESTART.findall(file, scans[-1].start, scans[-1].end)) >= parts - 1


def _is_scan(payload: bytes) -> bool:
    return len(payload) > 0 and payload[0] <= _COMPONENTS and len(payload) == 4 + 2 * payload[0]


def _frame(segment: _Segment) -> _Frame | None:
    payload = segment.payload
    if len(payload) < 6 or len(payload) != 6 + 3 * payload[5]:
        return None
    sampling = {payload[k]: (payload[k + 1] >> 4, payload[k + 1] & 15) for k in range(6, len(payload), 3)}
    if not sampling or any(0 in factors for factors in sampling.values()):
        return None
    height, width = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
    return _Frame(progressive=segment.marker in _PROGRESSIVE, width=width, height=height, sampling=sampling)


def _is_complete(frame: _Frame, scans: Sequence[_Segment]) -> bool:
    """Whether each component's 64 coefficients come to their last bit."""
    missing = {(component, k) for component in frame.sampling for k in range(64)}
    for scan in scans:
        first, last, shift = scan.payload[-3], scan.payload[-2], scan.payload[-1] & 15
        if frame.progressive and shift:
            continue
        covered = range(first, last + 1) if frame.progressive else range(64)
        missing -= {(component, k) for component in _components(scan) for k in covered}
    return not missing


def _components(scan: _Segment) -> list[int]:
    return [scan.payload[1 + 2 * index] for index in range(scan.payload[0])]


def _parts(frame: _Frame, scan: _Segment, restart_interval: int) -> int:
    """Into how many parts restart markers cut a scan."""
    if restart_interval == 0:
        return 1
    components = _components(scan)
    columns, rows = (max(factors[axis] for factors in frame.sampling.values()) for axis in (0, 1))
    if len(components) == 1:
        h, v = frame.sampling.get(components[0], (columns, rows))
        across, down = -(-frame.width * h // (8 * columns)), -(-frame.height * v // (8 * rows))
    else:
        across, down = -(-frame.width // (8 * columns)), -(-frame.height // (8 * rows))
    return -(-across * down // restart_interval)
