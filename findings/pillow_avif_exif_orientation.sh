#!/usr/bin/env bash
# To save a picture as AVIF, Pillow takes the orientation out of the EXIF object that it was given.
#
# The AVIF file itself is right. Whatever the same object is used for afterwards has no orientation any more: a JPEG
# that is written after the AVIF lies on its side, one that was written before does not. Saving as JPEG, WebP or PNG,
# or passing bytes, leaves the object as it is.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0
cd "$work"
venv/bin/python - <<'PYTHON'
import io
import sys

import PIL
from PIL import Image

KNOWN = {"JPEG": 6, "WEBP": 6, "PNG": 6, "AVIF": None, "JPEG afterwards": None}

print("Pillow", PIL.__version__)
exif = Image.Exif()
exif[0x0112] = 6
seen = {}
for name in KNOWN:
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, name.split()[0], exif=exif)
    seen[name] = exif.get(0x0112)
    written = Image.open(file).getexif().get(0x0112)
    print(f"{name:16} orientation of the file: {written}, of the object that was passed: {seen[name]}")

if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
