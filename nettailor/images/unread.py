"""Picture formats that no decoder here reads, by the first bytes of a file: a refusal calls them by their names."""

import re

# where, what, and the name of the picture format
_PICTURES = (
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"II\xbc\1", "JPEG XR"),
    (0, b"8BPS", "Photoshop document"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"\0\0\1\0", "Windows icon"),
    (0, b"\0\0\2\0\1\0", "Windows cursor"),
    (0, b"\xd7\xcd\xc6\x9a", "Windows metafile"),
    (40, b" EMF", "Windows metafile"),
    (0, b"icns", "macOS icon"),
    (0, b"v/1\1", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"#?RGBE", "Radiance HDR"),
    (0, b"DDS ", "DirectDraw surface"),
    (0, b"gimp xcf", "GIMP document"),
    (0, b"qoif", "QOI"),
    (0, b"BPG\xfb", "BPG"),
    (0, b"FLIF", "FLIF"),
    (0, b"AT&TFORM", "DjVu"),
    (0, b"\x8aMNG\r\n\x1a\n", "MNG"),
    (0, b"\x8bJNG\r\n\x1a\n", "JNG"),
    *((0, bytes((1, 0xDA, packed, depth)), "SGI image") for packed in (0, 1) for depth in (1, 2)),
    (0, b"\x59\xa6\x6a\x95", "Sun raster"),
    (0, b"/* XPM */", "XPM"),
    *((0, b"P%c\n" % letter, "floating-point or PAM image") for letter in b"7Ff"),
    (0, b"FUJIFILMCCD-RAW", "camera raw"),
    (0, b"IIRO", "camera raw"),
    (0, b"IIRS", "camera raw"),
    (0, b"IIU\0", "camera raw"),
    (0, b"SIMPLE  =", "FITS"),
    (128, b"DICM", "DICOM"),
)
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    b"crx ": "camera raw",
}
# Formats without a signature are known by headers that make sense.
_TGA = re.compile(
    rb".(?:\x00[\x02\x03\x0a\x0b]\x00{5}|\x01[\x01\x09]....[\x0f\x10\x18\x20])"  # the colours' kind, and their map
    rb"....(?!\x00\x00)..(?!\x00\x00)..[\x08\x0f\x10\x18\x20][\x00-\x3f]",  # place, size, bits of a pixel, direction
    re.DOTALL,
)
_PCX = re.compile(rb"\x0a[\x00\x02-\x05]\x01[\x01\x02\x04\x08].{60}\x00", re.DOTALL)  # version, packing, bits, a zero
_TEXT_BYTES = 1024  # that are looked at


def unread_picture(data: bytes) -> str | None:
    """The name of a picture format that no decoder here reads, by the first bytes; None for everything else."""
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12])
    start = data[:_TEXT_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in start):
        return "SVG"
    if (named := next((name for at, magic, name in _PICTURES if data.startswith(magic, at)), None)) is not None:
        return named
    if _TGA.match(data):
        return "TGA"
    return "PCX" if _PCX.match(data) else None
