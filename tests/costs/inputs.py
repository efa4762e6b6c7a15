"""What parsers stumble over, in any size: an input of `size` has about so many parts, or characters."""

import io
import json
import struct
import tarfile
import zlib

from trainer.intake.upload import Document


def document(name: str, data: bytes) -> Document:
    return Document(parts=(name,), size_bytes=len(data), offset=0, spool=io.BytesIO(data))


def repeated(unit: str, size: int) -> str:
    return (unit * size)[:size]


def png(size: int, kind: bytes, data: bytes) -> bytes:
    """A PNG file with so many chunks of one kind."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(kind, data) * size


def profile(unpacked_bytes: int) -> bytes:
    """The data of an iCCP chunk."""
    return b"icc\0\0" + zlib.compress(bytes(unpacked_bytes))


def jpeg(size: int, marker: int, payload: bytes) -> bytes:
    """A JPEG file without an end, with so many segments of one kind behind its frame."""

    def segment(marker: int, payload: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload

    frame = segment(0xC2, struct.pack(">BHHB", 8, 16, 16, 1) + bytes([1, 0x11, 0]))
    return b"\xff\xd8" + frame + segment(marker, payload) * size


def scan(components: int) -> bytes:
    """The payload of a scan's segment."""
    return bytes([components]) + bytes([1, 0]) * components + bytes([0, 63, 0])


def tiff(size: int, tags: int) -> bytes:
    """A TIFF file of so many bytes of values, which each of its tags claims as a whole."""
    values_at = 8 + 2 + 12 * tags + 4
    entries = [struct.pack("<HHII", 256 + number, 3, size // 2, values_at) for number in range(tags)]
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", tags) + b"".join(entries) + bytes(4 + size)


def safetensors(header: object) -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def tensor(shape: list[int]) -> object:
    return {"__metadata__": {}, "a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}}


def pax(records: int) -> bytes:
    """A tar stream whose one member has so many records in its extended header."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a.png")
        member.pax_headers = {f"k{number}": "v" for number in range(records)}
        archive.addfile(member, io.BytesIO())
    return target.getvalue()


def members(size: int) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(size):
            archive.addfile(tarfile.TarInfo(f"{number}.png"), io.BytesIO())
    return target.getvalue()


def csv(rows: int, columns: int) -> bytes:
    header = ",".join(["file", "key", *(f"c{number}" for number in range(columns))])
    lines = [",".join([f"{number}.png", f"k{number}", *["x"] * columns]) for number in range(rows)]
    return "\n".join([header, *lines]).encode()


def form(parts: int) -> bytes:
    return b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * parts + b"--xx--\r\n"
