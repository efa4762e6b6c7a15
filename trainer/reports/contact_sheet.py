"""A picture of a few training images of each class."""

import io
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.images import decode, prepare

_THUMBNAILS = 240  # of all classes together; more classes than that are not shown
_A_CLASS = 8
_SIDE, _GAP, _TEXT, _WIDTH = 72, 6, 20, 1200  # pixels
_PREPARATION = Preprocessing(resize=_SIDE, crop=_SIDE, mean=IMAGENET_MEAN, std=IMAGENET_STD)  # cut to a square


def contact_sheet(dataset: Path, classes: Sequence[str]) -> bytes:
    """JPEG, from a dataset file; an image that cannot be read leaves its place empty."""
    each = max(1, min(_A_CLASS, _THUMBNAILS // len(classes)))
    shown = classes[:_THUMBNAILS]
    cell = each * (_SIDE + _GAP) + 2 * _GAP
    columns = max(1, min(len(shown), _WIDTH // cell))
    rows = -(-len(shown) // columns)
    height = _SIDE + _TEXT + 2 * _GAP
    sheet = Image.new("RGB", (columns * cell + _GAP, rows * height + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    with zipfile.ZipFile(dataset) as archive:
        members = _first_of_each(archive, each)
        for index, name in enumerate(shown):
            left, top = _GAP + index % columns * cell, _GAP + index // columns * height
            draw.text((left, top), _fitted(name, font, cell - 2 * _GAP), fill="#1d2128", font=font)
            for place, member in enumerate(members[index]):
                pixels = prepare(decode(archive.read(member), side=_SIDE), _PREPARATION)
                sheet.paste(Image.fromarray(pixels.transpose(1, 2, 0)), (left + place * (_SIDE + _GAP), top + _TEXT))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _first_of_each(archive: zipfile.ZipFile, each: int) -> dict[int, list[str]]:
    """Training images by class; their names are digests, so the first ones are an arbitrary choice."""
    members: dict[int, list[str]] = defaultdict(list)
    for name in archive.namelist():
        if name.startswith("train/"):
            label = int(name.split("/")[1])
            if len(members[label]) < each:
                members[label].append(name)
    return members


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    text = "".join(c if c.isprintable() else "?" for c in text)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
