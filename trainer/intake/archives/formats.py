"""File formats by their first bytes: what is worth handing to a decoder, and what everything else is called."""

from nettailor.images.containers import container_of

# of the formats that prediction reads as well
_SUFFIX_OF = {
    "JPEG": "jpg",
    "PNG": "png",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
    "WEBP": "webp",
    "PPM": "ppm",
    "HEIF": "heic",
    "AVIF": "avif",
}

_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif"}
)
_SUFFIXES_PNM = frozenset({".ppm", ".pgm", ".pbm", ".pnm"})
# Pictures that no decoder here reads: their folder is meant as a class all the same.
_SUFFIXES_UNREAD = frozenset(
    {
        *(".jxl", ".jp2", ".j2k", ".jpf", ".jxr", ".psd", ".svg", ".tga", ".pcx", ".qoi", ".exr", ".dds"),
        *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".pef", ".srw"),  # of cameras
    }
)

# where, what, and the name of the format
_OTHERS = (
    (0, b"%PDF", "PDF"),
    (0, b"PK\3\4", "zip archive"),
    (0, b"\x1f\x8b", "gzip file"),
    (0, b"BZh", "bzip2 file"),
    (0, b"\xfd7zXZ\0", "xz file"),
    (0, b"\x28\xb5\x2f\xfd", "zstandard file"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (0, b"Rar!", "RAR archive"),
    (257, b"ustar", "tar archive"),
    (0, b"\x1aE\xdf\xa3", "video (Matroska or WebM)"),
    (0, b"FLV\1", "video (Flash)"),
    (0, b"\0\0\1\xba", "video (MPEG)"),
    (0, b"\0\0\1\xb3", "video (MPEG)"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video (Windows Media)"),
    (0, b"ID3", "audio (MP3)"),
    (0, b"OggS", "audio or video (Ogg)"),
    (0, b"fLaC", "audio (FLAC)"),
    (0, b"\x93NUMPY", "NumPy array"),
    (0, b"MATLAB ", "MATLAB file"),
    (0, b"\x89HDF\r\n", "HDF5"),
    (512, b"\x89HDF\r\n", "HDF5"),
    (16, b"\xde\xc0\xef\xbe", "LMDB database"),
    (0, b"\x0a\x23\xd7\xce", "RecordIO"),
    (0, b"\xff\xff\xff\xff", "Arrow"),
    (0, b"PAR1", "Parquet"),
    (0, b"ARROW1", "Arrow"),
    (0, b"SQLite format 3\0", "SQLite database"),
    (0, b"\xd0\xcf\x11\xe0", "old Office document"),
    *((0, bytes((0x80, protocol)), "pickle") for protocol in range(2, 6)),
    (0, b"\x7fELF", "program"),
    (0, b"MZ", "program"),
    (0, b"version https://git-lfs", "Git LFS pointer instead of the file"),
)
_RIFF = {b"AVI ": "video (AVI)", b"WAVE": "audio (WAV)"}
_TEXT_BYTES = 1024  # that are looked at


def suffix_of(data: bytes) -> str | None:
    """The canonical suffix of the format the bytes claim to be, or None where they claim none that is known."""
    container = container_of(data)
    return None if container is None else _SUFFIX_OF[container]


def misnamed(start: bytes) -> str | None:
    """What is said of an image whose name is that of something else, so that it is not read; None for other files.

    Text may begin as a BMP or PPM does.
    """
    suffix = suffix_of(start)
    if suffix in {None, "bmp", "ppm"}:
        return None
    return f"an image by its first bytes, and not by its name: call it .{suffix}"


def is_image_name(name: str) -> bool:
    """Whether a file's name promises an image, so that its folder is meant as a class even if the image is broken."""
    dot = name.rfind(".")
    return dot >= 0 and name[dot:].lower() in _SUFFIXES | _SUFFIXES_PNM | _SUFFIXES_UNREAD


def kind_of(data: bytes) -> str:
    """What a file that is no picture is called: "PDF", "video (MP4)", "text", or "unknown"."""
    if not data:
        return "empty file"
    if data[4:8] == b"ftyp":
        return {b"M4A ": "audio (MP4)", b"qt  ": "video (QuickTime)"}.get(data[8:12], "video (MP4)")
    if data[:4] == b"RIFF" and data[8:12] in _RIFF:
        return _RIFF[data[8:12]]
    if data[:4] == b"PK\3\4" and b"/data.pkl" in data[30:256]:
        return "PyTorch file"
    if _is_tfrecord(data):
        return "TFRecord"
    return _named(data, _OTHERS) or _text_kind(data[:_TEXT_BYTES])


def _is_tfrecord(data: bytes) -> bool:
    """A TFRecord begins with the length of its first record, and a checksum of that: a CRC-32C, turned and shifted."""
    if len(data) < 12 or data[7]:
        return False
    crc = 0xFFFFFFFF
    for byte in data[:8]:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return masked == int.from_bytes(data[8:12], "little")


def _named(data: bytes, formats: tuple[tuple[int, bytes, str], ...]) -> str | None:
    return next((name for at, magic, name in formats if data[at : at + len(magic)] == magic), None)


def _text_kind(start: bytes) -> str:
    if any(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in start):
        return "unknown"
    head = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "web page" if head.startswith((b"<!doctype html", b"<html")) else "text"
