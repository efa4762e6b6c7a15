"""A picture of a few training images of each class."""

import contextlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.errors import ImageInvalid
from nettailor.images import decode, prepare

_THUMBNAILS = 240  # of all classes together; more classes than that are not shown
_A_CLASS = 8
_SIDE, _GAP, _TEXT, _WIDTH = 72, 6, 20, 1200  # pixels
_PREPARATION = Preprocessing(resize=_SIDE, crop=_SIDE, mean=IMAGENET_MEAN, std=IMAGENET_STD)  # cut to a square


def contact_sheet(dataset: Path, classes: Sequence[str]) -> bytes:
    """JPEG, from the training images of a dataset file."""
    with zipfile.ZipFile(dataset) as archive:
        members: dict[str, list[str]] = {name: [] for name in classes}
        for member in archive.namelist():
            if member.startswith("train/"):
                members[classes[int(member.split("/")[1])]].append(member)
        return sheet_of({name: map(archive.read, found) for name, found in members.items()})


def sheet_of(images: Mapping[str, Iterable[bytes]]) -> bytes:
    """JPEG of the first images of each class. Of their files only those that are shown are read; one that cannot be
    decoded leaves its place empty."""
    each = max(1, min(_A_CLASS, _THUMBNAILS // max(1, len(images))))
    shown = list(islice(images.items(), _THUMBNAILS))
    cell = each * (_SIDE + _GAP) + 2 * _GAP
    columns = max(1, min(len(shown), _WIDTH // cell))
    rows = -(-len(shown) // columns)
    height = _SIDE + _TEXT + 2 * _GAP
    sheet = Image.new("RGB", (columns * cell + _GAP, rows * height + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, (name, files) in enumerate(shown):
        left, top = _GAP + index % columns * cell, _GAP + index // columns * height
        draw.text((left, top), _fitted(name, font, cell - 2 * _GAP), fill="#1d2128", font=font)
        for place, data in enumerate(islice(files, each)):
            with contextlib.suppress(ImageInvalid):
                sheet.paste(_thumbnail(data), (left + place * (_SIDE + _GAP), top + _TEXT))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _thumbnail(data: bytes) -> Image.Image:
    """Raises ImageInvalid."""
    pixels = prepare(decode(data, side=_SIDE), _PREPARATION)
    return Image.fromarray(pixels.transpose(1, 2, 0))


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    text = "".join(c if c.isprintable() else "?" for c in text)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
