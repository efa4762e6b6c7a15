#!/usr/bin/env bash
# A PNG file that Pillow writes itself, and that other readers read, cannot be read by Pillow.
#
# Copying `info` into text chunks is a common way to keep the metadata of a picture. `info` has the key `interlace` for
# interlaced files. As a text chunk of the file that is written, which is not interlaced, Pillow takes the word for
# what the header says, and decodes the pixels as if they were interlaced.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0 pypng==0.20220715.0 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PYTHON'
import io
import sys

import numpy as np
import PIL
import png
from PIL import Image, PngImagePlugin

KNOWN = ("OSError", True)

print("Pillow", PIL.__version__, "pypng", png.__version__)
pixels = (np.arange(12 * 12 * 3) % 251).astype(np.uint8).reshape(12, 12, 3)
interlaced = io.BytesIO()
png.Writer(12, 12, greyscale=False, interlace=True).write(interlaced, pixels.reshape(12, 36))
image = Image.open(interlaced)
assert np.array_equal(np.asarray(image), pixels)
texts = PngImagePlugin.PngInfo()
for name, value in image.info.items():
    texts.add_text(name, str(value))
copy = io.BytesIO()
image.save(copy, "PNG", pnginfo=texts)
print("texts of the copy:", image.info)

_, _, rows, _ = png.Reader(bytes=copy.getvalue()).read()
others = np.array_equal(np.vstack(list(map(np.asarray, rows))).reshape(12, 12, 3), pixels)
print("pypng reads the right pixels from the copy:", others)
try:
    found = str(np.array_equal(np.asarray(Image.open(copy)), pixels))
    print("Pillow reads the right pixels from the copy:", found)
except OSError as failure:
    found = type(failure).__name__
    print("Pillow raises", found, failure)
seen = (found, others)

if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
