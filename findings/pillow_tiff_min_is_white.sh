#!/usr/bin/env bash
# Pillow shows a 16-bit grey TIFF whose least value is white (PhotometricInterpretation 0) as its own negative.
#
# One of 8 bits is turned round as it should be, a big-endian one of 16 bits is refused.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PYTHON'
import io
import sys

import numpy as np
import PIL
import tifffile
from PIL import Image, UnidentifiedImageError

KNOWN = {("uint8", "<"): 255, ("uint8", ">"): 255, ("uint16", "<"): 0, ("uint16", ">"): "UnidentifiedImageError"}

print("Pillow", PIL.__version__, "tifffile", tifffile.__version__)
seen = {}
for kind, order in KNOWN:
    white = np.zeros((6, 10), kind)
    file = io.BytesIO()
    tifffile.imwrite(file, white, photometric="miniswhite", byteorder=order)
    try:
        seen[kind, order] = int(np.asarray(Image.open(file))[0, 0])
    except UnidentifiedImageError as failure:
        seen[kind, order] = type(failure).__name__
    endian = "little" if order == "<" else "big"
    print(f"{kind:7} {endian:6} endian: white (0 in the file) is read as {seen[kind, order]}")

if seen != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
