"""Image formats by their first bytes: what is worth handing to a decoder, and the suffix it gets."""

_MAGIC = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
    *((f"P{digit}".encode(), "ppm") for digit in range(1, 7)),
)

_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp"})
_SUFFIXES_PNM = frozenset({".ppm", ".pgm", ".pbm", ".pnm"})


def suffix_of(data: bytes) -> str | None:
    """The canonical suffix of the format the bytes claim to be, or None where they claim none that is known."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((suffix for magic, suffix in _MAGIC if data.startswith(magic)), None)


def is_image_name(name: str) -> bool:
    """Whether a file's name promises an image, so that its folder is meant as a class even if the image is broken."""
    dot = name.rfind(".")
    return dot >= 0 and name[dot:].lower() in _SUFFIXES | _SUFFIXES_PNM
